"""No use is made of the reward-free phase."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leapbench.agents.urlb.common.tabular.finetune import Numbers, Warm
from leapbench.agents.urlb.common.tabular.policy import Tabular
from leapbench.contract.agent import LearningPhase


class TabularScratch(Tabular):
    """Skips the reward-free phase and warms up with uniformly random actions.

    See `Tabular` for the settings; they are those of the pre-trained agents.
    """

    def explore(self, phase: LearningPhase) -> None:
        """Nothing; spends no steps."""

    def warm(self, seed: int) -> Warm:
        """Uniformly random actions; ties are broken by chance."""
        random = Numbers(np.random.default_rng([seed, 0]))
        return Warm(lambda cell, time, way: int(random() * self.shape[1]), 1, None)

    def wander(self, cell: NDArray[np.int64], time: NDArray[np.int64]) -> NDArray[np.int64]:
        """Uniformly random actions."""
        return (self.random(len(cell)) * self.shape[1]).astype(np.int64)
