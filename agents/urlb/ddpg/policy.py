"""No use is made of the reward-free phase."""

from __future__ import annotations

from leapbench.agents.urlb.common.ddpg import Backbone
from leapbench.agents.urlb.common.loop import Objective, sizes_of
from leapbench.agents.urlb.common.policy import PRETRAINED, REWARD_FREE, Intrinsic
from leapbench.agents.urlb.common.replay import Sizes
from leapbench.agents.urlb.common.skills import NoSkills
from leapbench.contract.agent import LearningPhase


class Scratch(Intrinsic):
    """DDPG that skips the reward-free phase and warms up with uniformly random actions.

    Args:
        hidden: see `Backbone`, as for the rest.
        batch: transitions of an update.
        rate: learning rate.
        every: steps for one update.
        warmup: random steps before the first update.
        order: of the updates of actor and critic.
    """

    def __init__(
        self,
        hidden: int = 128,
        batch: int = 256,
        rate: float = 3e-4,
        every: int = 2,
        warmup: int = 1000,
        order: str = "critic-first",
    ) -> None:
        backbone = Backbone(hidden, batch, rate, every, warmup, order)
        super().__init__(backbone, NoSkills(), "random", "constant")

    def learn(self, phase: LearningPhase) -> None:
        """Nothing without reward, which spends no steps; else see `Intrinsic.learn`."""
        if phase.name != REWARD_FREE:
            super().learn(phase)
            return
        self.sizes, self.stage = sizes_of(phase, 0), PRETRAINED
        self.horizon = int(phase.settings["horizon"])
        self._restart(phase.seed)
        phase.report(1.0, "nothing to learn")

    def objective(self, sizes: Sizes, seed: int) -> Objective:
        """There is none: the reward-free phase is skipped."""
        raise NotImplementedError
