"""GraSP on the weighted sum of the tasks' losses."""

from __future__ import annotations

import numpy as np

from leapbench.agents.common.bounds import bounded
from leapbench.agents.sparsify.common.method import Floats, Method
from leapbench.envs.sparsify.facts import Decision, Plan
from leapbench.envs.sparsify.masks import Bools, top


class GraSP(Method):
    """Removes the weights of the largest -w (H g); H and g of the weighted sum of the losses.

    The paper balances classes in its batches; pictures with a class for each pixel are taken
    as they come.

    Args:
        batches: that scores are summed over.
    """

    def __init__(self, batches: int = 4) -> None:
        self.batches = batches
        bounded(self, {"batches": 1})

    def rounds(self) -> Plan:
        """One round, before the first update."""
        return ((0, "grasp", self.batches),)

    def keep(self, iteration: int, weights: Floats, mask: Bools, scores: Floats) -> Decision:
        """The mask that stays: the budget's worth of the smallest scores."""
        ranks = np.argsort(np.argsort(-scores[0], kind="stable"), kind="stable") + 1
        return top(ranks, self.facts.budget)
