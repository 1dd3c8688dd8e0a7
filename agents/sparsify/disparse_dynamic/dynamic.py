"""DiSparse in the dynamic setting."""

from __future__ import annotations

from leapbench.agents.sparsify.common.method import Floats
from leapbench.agents.sparsify.rigl.rigl import RigL
from leapbench.envs.sparsify.facts import Decision, Plan
from leapbench.envs.sparsify.masks import Bools, Rule, erk, union
from leapbench.envs.sparsify.rounds import cosine, dropped, each_task, grown, refilled


class DiSparseDynamic(RigL):
    """RigL whose new weights are the union of those that each task would let in.

    As released, every task has a layer's whole quota: a shared layer then has up to T times as
    many new weights, until the next drop restores what it ought to have; the surplus costs
    multiply-adds. Without the overshoot the tasks' quota is what makes the union fill the
    layer's. Weights begin from 0, and the gradient is that of the sparse network, as in RigL;
    the released code lets weights come back with stale values.

    Args:
        overshoot: whether each task has the whole quota.
        drop: share of a layer's weights that the first exchange replaces; released: 0.5.
        interval: updates between two exchanges.
        until: share of the updates after which the mask stays.
        power: of Erdős–Rényi-Kernel; released: 0.9.
    """

    kinds = {"tasks": "gradients"}

    def __init__(
        self,
        overshoot: bool = True,
        drop: float = 0.3,
        interval: int = 25,
        until: float = 0.75,
        power: float = 1.0,
    ) -> None:
        super().__init__("tasks", drop, interval, until, power)
        self.overshoot = overshoot

    def rounds(self) -> Plan:
        """As of RigL, and a last drop where there may be too many."""
        planned = super().rounds()
        return (*planned, (self.end, "none", 0)) if self.overshoot and self.end else planned

    def keep(self, iteration: int, weights: Floats, mask: Bools, scores: Floats) -> Decision:
        """The mask after an exchange, or after the last drop."""
        if iteration == 0 or not self.overshoot:
            return super().keep(iteration, weights, mask, scores)
        facts = self.facts
        wanted = erk(facts.shapes, facts.budget, self.power)
        quota = [round(cosine(self.drop, iteration / self.end) * each) for each in wanted]
        surplus = [
            max(0, int(mask[part].sum()) - each + new)
            for part, each, new in zip(facts.slices, wanted, quota, strict=True)
        ]
        left = dropped(weights, mask, facts.slices, surplus)
        if iteration == self.end:
            return left
        after = grown(left, scores, facts.own, facts.slices, quota, each_task)
        return refilled(after, mask, weights, facts.slices, wanted)

    def grows(self, iteration: int, scores: Floats) -> tuple[Floats, Bools, Rule]:
        """Each task's own gradients, and the union."""
        return scores, self.facts.own, union
