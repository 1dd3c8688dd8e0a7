"""A policy that gives every candidate a score and takes the best that is free."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.contract.agent import LearningPhase
from leapbench.envs.activeview.table import ObservationMode, ViewColumn

Scores = NDArray[np.float64]


class Chooser(ABC):
    """Takes the free candidate of the highest score; learns nothing.

    The field does not change within a batch, and neither do scores that come from it:
    the picks of a batch are then the best by one score, as in ActiveNeRF.

    Attributes:
        observation_mode: what the policy looks at, see `leapbench.envs.activeview.table`.
    """

    observation_mode: ObservationMode = "cameras"

    @abstractmethod
    def scores(self, tables: NDArray[np.float32]) -> Scores:
        """Score of every candidate, (B, C), from `ViewTable`s (B, C, columns)."""

    def learn(self, phase: LearningPhase) -> None:
        """Nothing to learn; takes no views."""
        phase.report(1.0, "nothing to learn")

    def predict(
        self,
        observation: NDArray[np.float32],
        state: Any = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[np.int64], Any]:
        """The best free candidate, the first of equals; see `leapbench.contract.agent.Policy`."""
        tables = np.asarray(observation)
        return best(self.scores(tables), tables), state

    def save(self, folder: Path) -> None:  # noqa: B027 - most have no state
        """Nothing to write."""

    def load(self, folder: Path) -> None:  # noqa: B027
        """Nothing to restore."""


def best(scores: NDArray[Any], tables: NDArray[np.float32]) -> NDArray[np.int64]:
    """Index of the highest score among the free candidates, int64 (B,).

    Args:
        scores: (B, C).
        tables: `ViewTable`s (B, C, columns).
    """
    free = tables[..., ViewColumn.FREE] > 0
    return np.asarray(np.where(free, scores, -np.inf).argmax(axis=1), np.int64)
