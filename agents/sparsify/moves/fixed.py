"""One move for ever."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.contract.agent import LearningPhase
from leapbench.envs.sparsify.dynamic import FIRST
from leapbench.errors import unknown


class FixedMoves:
    """The same move in every round; acts in the dynamic world, in which it is named.

    Args:
        move: "train", "set", "rigl" or "union".
    """

    plays = True

    def __init__(self, move: str = "union") -> None:
        if move not in FIRST:
            raise unknown("move", move, FIRST)
        self.move, self.index = move, FIRST.index(move)

    def learn(self, phase: LearningPhase) -> None:
        """Nothing to learn; takes no steps."""
        phase.report(1.0, "nothing to learn")

    def predict(
        self,
        observation: NDArray[np.float32],
        state: Any = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[np.int64], Any]:
        """The move, int64 (B,); see `leapbench.contract.agent.Policy`."""
        return np.full(len(observation), self.index, np.int64), state

    def save(self, folder: Path) -> None:
        """Nothing to write."""

    def load(self, folder: Path) -> None:
        """Nothing to restore."""
