"""DiSparse in the static setting."""

from __future__ import annotations

from leapbench.agents.common.bounds import bounded
from leapbench.agents.sparsify.common.method import Floats, Method
from leapbench.envs.sparsify.facts import Decision, Plan
from leapbench.envs.sparsify.masks import RULES, Bools, Rule, erk, per_layer
from leapbench.errors import unknown

BUDGETS = ("global", "erk")


class DiSparse(Method):
    """Scores every weight for each task by SNIP's saliency, and keeps the union of the masks.

    As the released code has it, saliency is summed over batches as absolute values, of the
    unweighted loss of each task, on a copy whose weights are drawn anew by Xavier's rule. The
    keep ratio that it sets by hand is the one at which the union has exactly the budget.

    Args:
        rule: "union", "intersection" or "normalised"; see `leapbench.envs.sparsify.masks`.
        budgets: "global", or "erk" for a budget of each layer.
        floor: share of each layer's Erdős–Rényi-Kernel budget that it gets before the rest is
            given out globally, in [0, 1].
        batches: that saliency is summed over.
        xavier: whether weights are drawn anew for the scores.
    """

    def __init__(
        self,
        rule: str = "union",
        budgets: str = "global",
        floor: float = 0.0,
        batches: int = 4,
        xavier: bool = True,
    ) -> None:
        if rule not in RULES:
            raise unknown("rule", rule, RULES)
        if budgets not in BUDGETS:
            raise unknown("kind of budgets", budgets, BUDGETS)
        self.rule, self.budgets, self.floor = rule, budgets, floor
        self.batches, self.xavier = batches, xavier
        bounded(self, {"batches": 1}, shares=("floor",))

    def rounds(self) -> Plan:
        """One round, before the first update."""
        return ((0, "saliency-xavier" if self.xavier else "saliency", self.batches),)

    def keep(self, iteration: int, weights: Floats, mask: Bools, scores: Floats) -> Decision:
        """The mask that stays."""
        return allocated(self, RULES[self.rule], scores, self.facts.own, self.budgets, self.floor)


def allocated(
    method: Method, rule: Rule, scores: Floats, own: Bools, budgets: str, floor: float
) -> Bools:
    """The mask of a rule under the budget, by layers, with a floor, or over all layers at once."""
    facts = method.facts
    if budgets == "erk":
        return per_layer(rule, scores, own, facts.slices, erk(facts.shapes, facts.budget))
    if not floor:
        return rule(scores, own, facts.budget)
    least = erk(facts.shapes, int(floor * facts.budget))
    kept = per_layer(rule, scores, own, facts.slices, least)
    free = own & ~kept
    return kept | rule(scores * ~kept, free, facts.budget - int(kept.sum()))
