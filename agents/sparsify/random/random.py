"""Random masks, fixed before training."""

from __future__ import annotations

from leapbench.agents.sparsify.common.method import Floats, Method
from leapbench.envs.sparsify.facts import Decision, Plan
from leapbench.envs.sparsify.masks import Bools, erk, uniform
from leapbench.errors import unknown

DENSITIES = ("erk", "uniform")


class Random(Method):
    """Keeps any weights of each layer.

    Args:
        densities: "erk" or "uniform".
    """

    def __init__(self, densities: str = "erk") -> None:
        if densities not in DENSITIES:
            raise unknown("kind of densities", densities, DENSITIES)
        self.densities = densities

    def rounds(self) -> Plan:
        """One round, before the first update."""
        return ((0, "none", 0),)

    def keep(self, iteration: int, weights: Floats, mask: Bools, scores: Floats) -> Decision:
        """The mask that stays."""
        facts = self.facts
        if self.densities == "uniform":
            return self.random_mask(uniform(facts.sizes, facts.budget))
        return self.random_mask(erk(facts.shapes, facts.budget))
