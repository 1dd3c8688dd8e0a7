"""Magnitude pruning of a network that was dense at first."""

from __future__ import annotations

import numpy as np

from leapbench.agents.common.bounds import bounded
from leapbench.agents.sparsify.common.method import Floats, Method, share
from leapbench.envs.sparsify.facts import Decision, Plan
from leapbench.envs.sparsify.masks import Bools, top


class Magnitude(Method):
    """Trains densely, then cuts the smallest |w| of all layers, each time the same share.

    Dense updates are paid for like all others.

    Args:
        dense: share of the updates before the first cut.
        last: share of the updates before the last one, if there are several.
        cuts: how many cuts there are.
        rewind: whether weights start over after each cut, as lottery tickets do.
    """

    def __init__(
        self, dense: float = 0.5, last: float = 0.5, cuts: int = 1, rewind: bool = False
    ) -> None:
        self.dense, self.last, self.cuts, self.rewind = dense, last, cuts, rewind
        bounded(self, {"cuts": 1}, shares=("dense", "last"))

    def rounds(self) -> Plan:
        """A round for each cut."""
        kind = "rewind" if self.rewind else "none"
        return tuple((each, kind, 0) for each in self.times)

    @property
    def times(self) -> list[int]:
        """Iterations of the cuts, none later than masks may be over the budget."""
        facts = self.facts
        found = np.linspace(self.dense, max(self.dense, self.last), self.cuts)
        return sorted({min(share(each, facts.iterations), facts.deadline) for each in found})

    def keep(self, iteration: int, weights: Floats, mask: Bools, scores: Floats) -> Decision:
        """The mask with the largest |w|, of the size that the cut leaves."""
        whole, budget, times = len(mask), self.facts.budget, self.times
        done = (times.index(iteration) + 1) / len(times)
        left = budget if done == 1 else round(whole * (budget / whole) ** done)
        return top(np.abs(weights) * mask, left)
