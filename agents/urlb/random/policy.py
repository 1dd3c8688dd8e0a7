"""Uniformly random actions."""

from __future__ import annotations

from leapbench.agents.urlb.common.replay import Sizes
from leapbench.agents.urlb.common.tuner import PRETRAINED
from leapbench.agents.urlb.ddpg.policy import Scratch
from leapbench.contract.agent import LearningPhase


class Random(Scratch):
    """Uniformly random actions; learns nothing and spends nothing."""

    def __init__(self) -> None:
        super().__init__()

    def learn(self, phase: LearningPhase) -> None:
        """Only look how many numbers an action has."""
        self.sizes, self.stage = Sizes.of(phase, 0), PRETRAINED
        self._restart(phase.seed)
        phase.report(1.0, "nothing to learn")
