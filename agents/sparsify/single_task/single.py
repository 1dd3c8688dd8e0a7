"""A network of its own for each task, in the same budget."""

from __future__ import annotations

import numpy as np

from leapbench.agents.common.bounds import bounded
from leapbench.agents.sparsify.common.method import Floats, Method
from leapbench.envs.sparsify.facts import Decision, Plan
from leapbench.envs.sparsify.masks import Bools, top


class SingleTask(Method):
    """Each task's network keeps its best |w dL/dw|, B / T weights of a budget of B.

    Args:
        batches: that saliency is summed over; as many as DiSparse has.
    """

    separate = True

    def __init__(self, batches: int = 4) -> None:
        self.batches = batches
        bounded(self, {"batches": 1})

    def rounds(self) -> Plan:
        """One round, before the first update."""
        return ((0, "saliency-xavier", self.batches),)

    def keep(self, iteration: int, weights: Floats, mask: Bools, scores: Floats) -> Decision:
        """The masks of all networks, which share no weight."""
        count = self.facts.budget // len(scores)
        masks = [top(s, count, o) for s, o in zip(scores, self.facts.own, strict=True)]
        return np.asarray(np.any(masks, axis=0))
