"""SNIP on the weighted sum of the tasks' losses."""

from __future__ import annotations

from leapbench.agents.common.bounds import bounded
from leapbench.agents.sparsify.common.method import Floats, Method
from leapbench.agents.sparsify.disparse.static import BUDGETS, allocated
from leapbench.envs.sparsify.facts import Decision, Plan
from leapbench.envs.sparsify.masks import Bools, total
from leapbench.errors import unknown


class SNIP(Method):
    """Keeps the weights of the highest |w dL/dw|, L the weighted sum of the tasks' losses.

    Args:
        budgets: "global", or "erk" for a budget of each layer.
        floor: share of each layer's Erdős–Rényi-Kernel budget that it gets before the rest is
            given out globally, in [0, 1].
        batches: that saliency is summed over; as many as DiSparse has.
        xavier: whether weights are drawn anew for the scores, as DiSparse's code does.
    """

    def __init__(
        self, budgets: str = "global", floor: float = 0.0, batches: int = 4, xavier: bool = True
    ) -> None:
        if budgets not in BUDGETS:
            raise unknown("kind of budgets", budgets, BUDGETS)
        self.budgets, self.floor, self.batches, self.xavier = budgets, floor, batches, xavier
        bounded(self, {"batches": 1}, shares=("floor",))

    def rounds(self) -> Plan:
        """One round, before the first update."""
        kind = "joint-saliency-xavier" if self.xavier else "joint-saliency"
        return ((0, kind, self.batches),)

    def keep(self, iteration: int, weights: Floats, mask: Bools, scores: Floats) -> Decision:
        """The mask that stays."""
        return allocated(self, total, scores, self.everything, self.budgets, self.floor)
