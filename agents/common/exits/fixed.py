"""Fixed exit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from leapbench.agents.common.exits.grid import Flags, GridPolicy
from leapbench.contract.agent import LearningPhase
from leapbench.errors import UserError

LAST = -1
"""Setting of `exit` that stands for the last one."""


class Fixed(GridPolicy):
    """Every sample continues to one exit for as long as the budget pays for it.

    Nothing is held back for later samples: once the budget is down to what their
    first exits cost, the environment answers the rest of the stream there.

    Args:
        exit: 1-based exit; -1 is the last, and so is any beyond it.

    Raises:
        UserError: for any other exit below 1.
    """

    def __init__(self, exit: int = 1) -> None:
        if exit != LAST and exit < 1:
            raise UserError(f"exit must be 1 or more, or -1 for the last, got {exit}.")
        self.exit = exit

    def fit(self, phase: LearningPhase, budgets: Sequence[int]) -> NDArray[np.float64]:
        """The 0-based exit, the same at each budget, float64 (G, 1)."""
        last = phase.data.exits - 1
        exit = last if self.exit == LAST else min(self.exit - 1, last)
        return np.full((len(budgets), 1), float(exit))

    def stay(
        self, observation: NDArray[np.float32], exit: NDArray[np.int64], row: NDArray[np.float64]
    ) -> Flags:
        """Continue before the fixed exit; see `GridPolicy.stay`."""
        return np.asarray(exit < row[:, 0])
