"""Any free candidate, with the same probability."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leapbench.agents.activeview.common.policy import Chooser, Scores
from leapbench.contract.agent import LearningPhase

FILE = "seed.json"


class Random(Chooser):
    """Draws from the phase's seed, and starts over with `learn` and `load`."""

    def __init__(self) -> None:
        self._restart(0)

    def learn(self, phase: LearningPhase) -> None:
        """Keep the seed of the phase; takes no views."""
        self._restart(phase.seed)
        super().learn(phase)

    def scores(self, tables: NDArray[np.float32]) -> Scores:
        """See `Chooser.scores`."""
        return self._rng.random(tables.shape[:2])

    def save(self, folder: Path) -> None:
        """Write the seed as JSON."""
        (folder / FILE).write_text(json.dumps(self.seed), encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Restore the seed."""
        self._restart(int(json.loads((folder / FILE).read_text(encoding="utf-8"))))

    def _restart(self, seed: int) -> None:
        self.seed, self._rng = seed, np.random.default_rng(seed)
