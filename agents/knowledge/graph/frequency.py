"""How often each entity is at an end of a relation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leapbench.agents.common.bounds import bounded
from leapbench.agents.common.state import broken, require
from leapbench.contract.agent import LearningPhase


class Frequency:
    """Ranks by how often an entity is at that end of the relation, then by how often at all.

    Args:
        batch: triplets that are read at once; one pass is paid.
    """

    def __init__(self, batch: int = 256) -> None:
        self.batch = batch
        bounded(self, {"batch": 1})
        self.network: NDArray[np.int64] | None = None
        self.entities = 0

    def learn(self, phase: LearningPhase) -> None:
        """Read the triplets once, or as far as the budget goes."""
        size = min(self.batch, len(phase.data), phase.meter.left)
        rows, rng = [], np.random.default_rng(phase.seed)
        for ends, tails in phase.data.epoch(size, rng):
            rows.append(np.concatenate([ends, tails[:, None]], axis=1))
            if phase.meter.left < size:
                break
        self.network, self.entities = np.concatenate(rows), int(phase.settings["entities"])
        phase.report(1.0, "read once")

    def scores(
        self, known: NDArray[np.int64], relations: NDArray[np.int64], side: str
    ) -> NDArray[np.float32]:
        """Counts (N, entities); the other end is not looked at."""
        require(self.network is not None, self)
        assert self.network is not None  # noqa: S101
        rows, end = self.network, 2 if side == "tails" else 0
        often = np.bincount(rows[:, end], minlength=self.entities) / (len(rows) + 1)
        out = np.empty((len(known), self.entities), np.float32)
        for relation in np.unique(relations):
            here = rows[rows[:, 1] == relation, end]
            out[relations == relation] = np.bincount(here, minlength=self.entities) + often
        return out

    def save(self, folder: Path) -> None:
        """Write the triplets that were read."""
        require(self.network is not None, self)
        assert self.network is not None  # noqa: S101
        np.savez(folder / "read.npz", rows=self.network, entities=self.entities)

    def load(self, folder: Path) -> None:
        """Restore what `save` wrote.

        Raises:
            UserError: when it is absent or damaged.
        """
        try:
            with np.load(folder / "read.npz", allow_pickle=False) as file:
                self.network, self.entities = file["rows"], int(file["entities"])
        except (OSError, ValueError, KeyError) as error:
            raise broken(folder, self, error) from error
