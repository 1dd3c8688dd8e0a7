"""Uniformly random actions among numbered ones."""

from __future__ import annotations

from leapbench.agents.urlb.common.tabular.transitions import sizes
from leapbench.agents.urlb.scratch_tabular.policy import TabularScratch
from leapbench.contract.agent import LearningPhase


class Random(TabularScratch):
    """Uniformly random actions; learns nothing and spends nothing."""

    def __init__(self) -> None:
        super().__init__()

    def learn(self, phase: LearningPhase) -> None:
        """Only look how many actions there are."""
        self.shape = sizes(phase)
        self._restart(phase.seed)
        phase.report(1.0, "nothing to learn")
