"""The same keep level for every block, or as much as even spending pays for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leapbench.agents.latency.common.rule import Rule
from leapbench.envs.latency.budget.observation import DEVICE, POOLED, Layout
from leapbench.envs.latency.budget.world import LEVELS
from leapbench.errors import UserError


class FixedLevel(Rule):
    """Every block keeps the same share of its cells, while the budget lasts.

    Args:
        level: from 0 for nothing to 5 for everything.

    Raises:
        UserError: for another level.
    """

    def __init__(self, level: int = 2) -> None:
        if not 0 <= level < len(LEVELS):
            raise UserError(f"level must be from 0 to {len(LEVELS) - 1}, got {level}.")
        self.level = level

    def choose(self, observation: NDArray[np.float32]) -> NDArray[np.int64]:
        """The level."""
        return np.full(len(observation), self.level)


class EvenSpending(Rule):
    """The highest level at which what is left lasts for all blocks to come.

    Time left for an image is spread evenly over the blocks that it still has; what one block
    leaves is there for the next.
    """

    def choose(self, observation: NDArray[np.float32]) -> NDArray[np.int64]:
        """The dearest level that is not above the block's share."""
        fixed = POOLED + 4 + len(LEVELS) + 4 + len(DEVICE)
        at = Layout(observation.shape[1] - fixed, len(LEVELS))
        block = observation[:, at.block].argmax(1)
        share = observation[:, at.left] / (at.blocks - block)
        able = observation[:, at.prices] <= share[:, None]
        best = np.where(able, np.arange(len(LEVELS)), 0)
        return np.asarray(best.max(1))
