"""The dense network."""

from __future__ import annotations

from leapbench.agents.sparsify.common.method import Floats, Method
from leapbench.envs.sparsify.facts import Decision, Plan
from leapbench.envs.sparsify.masks import Bools


class Dense(Method):
    """Keeps every weight; the harness lets it, and nobody else, be over the budget."""

    privileged = True

    def rounds(self) -> Plan:
        """None."""
        return ()

    def keep(self, iteration: int, weights: Floats, mask: Bools, scores: Floats) -> Decision:
        """Nothing changes."""
        return None
