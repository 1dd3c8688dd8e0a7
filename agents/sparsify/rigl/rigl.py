"""Dynamic sparse training with a fixed number of weights in each layer."""

from __future__ import annotations

from leapbench.agents.common.bounds import bounded
from leapbench.agents.sparsify.common.method import Floats, Method, share
from leapbench.envs.sparsify.facts import Decision, Plan
from leapbench.envs.sparsify.masks import Bools, Rule, erk, total
from leapbench.envs.sparsify.rounds import cosine, dropped, grown, refilled
from leapbench.errors import unknown

GROWTH = ("joint", "random")


class RigL(Method):
    """Begins with a random mask; now and then the smallest weights of each layer give way.

    The share that is exchanged falls from `drop` to 0 along a cosine. New weights start from 0.

    Args:
        growth: "joint" for the gradient of the summed loss, "random" for SET.
        drop: share of a layer's weights that the first exchange replaces.
        interval: updates between two exchanges.
        until: share of the updates after which the mask stays.
        power: of Erdős–Rényi-Kernel.
    """

    kinds = {"joint": "joint", "random": "none"}

    def __init__(
        self,
        growth: str = "joint",
        drop: float = 0.3,
        interval: int = 25,
        until: float = 0.75,
        power: float = 1.0,
    ) -> None:
        if growth not in self.kinds:
            raise unknown("growth", growth, self.kinds)
        self.growth, self.drop, self.interval = growth, drop, interval
        self.until, self.power = until, power
        bounded(self, {"interval": 1}, positive=("power",), shares=("drop", "until"))

    @property
    def end(self) -> int:
        """Iteration from which on the mask stays."""
        return min(share(self.until, self.facts.iterations), self.facts.deadline)

    def rounds(self) -> Plan:
        """The first mask, then an exchange every `interval` updates."""
        times = range(self.interval, self.end, self.interval)
        return ((0, "none", 0), *((each, self.kinds[self.growth], 1) for each in times))

    def keep(self, iteration: int, weights: Floats, mask: Bools, scores: Floats) -> Decision:
        """The mask after an exchange."""
        facts = self.facts
        if iteration == 0:
            return self.random_mask(erk(facts.shapes, facts.budget, self.power))
        rate = cosine(self.drop, iteration / self.end)
        active = [int(mask[part].sum()) for part in facts.slices]
        counts = [round(rate * each) for each in active]
        left = dropped(weights, mask, facts.slices, counts)
        scores, own, rule = self.grows(iteration, scores)
        after = grown(left, scores, own, facts.slices, counts, rule)
        return refilled(after, mask, weights, facts.slices, active)

    def grows(self, iteration: int, scores: Floats) -> tuple[Floats, Bools, Rule]:
        """Scores, whose they are, and the rule that picks by them."""
        if self.growth == "random":
            scores = self.chance(iteration).astype("float32")
        return scores, self.everything, total
