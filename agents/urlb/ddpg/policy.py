"""DDPG that makes no use of the reward-free phase."""

from __future__ import annotations

from leapbench.agents.urlb.common.agent import PRETRAINED, REWARD_FREE, Intrinsic
from leapbench.agents.urlb.common.practice import Objective
from leapbench.agents.urlb.common.replay import Sizes
from leapbench.contract.agent import LearningPhase


class Scratch(Intrinsic):
    """DDPG that skips the reward-free phase and warms up with uniformly random actions."""

    def learn(self, phase: LearningPhase) -> None:
        """Nothing without reward, which spends no steps; else see `Intrinsic.learn`."""
        if phase.name != REWARD_FREE:
            super().learn(phase)
            return
        self.sizes, self.stage = Sizes.of(phase, 0), PRETRAINED
        self.horizon = int(phase.settings["horizon"])
        self._restart(phase.seed)
        phase.report(1.0, "nothing to learn")

    def objective(self, sizes: Sizes, seed: int) -> Objective:
        """There is none: the reward-free phase is skipped."""
        raise NotImplementedError
