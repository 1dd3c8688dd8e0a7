"""DiSparse in the setting of a pretrained network."""

from __future__ import annotations

import numpy as np

from leapbench.agents.common.bounds import bounded
from leapbench.agents.sparsify.common.method import Floats, Method, share
from leapbench.envs.sparsify.facts import Decision, Plan
from leapbench.envs.sparsify.masks import Bools, union
from leapbench.errors import unknown

SCORES = ("magnitude", "taylor")


class DiSparsePretrained(Method):
    """Trains densely, then keeps the union of the masks that each task's scores give.

    By |w| all tasks agree on shared weights, and each has a threshold of its own: the lowest
    one decides about the backbone. By w² |dL/dw| they disagree.

    Args:
        score: "magnitude" or "taylor".
        dense: share of the updates before weights go, as of `magnitude`.
        batches: that gradients are summed over.
    """

    def __init__(self, score: str = "magnitude", dense: float = 0.5, batches: int = 4) -> None:
        if score not in SCORES:
            raise unknown("score", score, SCORES)
        self.score, self.dense, self.batches = score, dense, batches
        bounded(self, {"batches": 1}, shares=("dense",))

    def rounds(self) -> Plan:
        """One round, after dense training."""
        when = min(share(self.dense, self.facts.iterations), self.facts.deadline)
        if self.score == "magnitude":
            return ((when, "none", 0),)
        return ((when, "gradients", self.batches),)

    def keep(self, iteration: int, weights: Floats, mask: Bools, scores: Floats) -> Decision:
        """The mask that stays."""
        own = self.facts.own
        if self.score == "magnitude":
            return union(np.abs(weights) * own, own, self.facts.budget)
        return union(weights**2 * scores, own, self.facts.budget)
