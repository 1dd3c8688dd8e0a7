"""Pruning a trained network as a game: in each step some weights go, then the rest is tuned."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.sparsify import masks, rounds
from leapbench.envs.sparsify.base import SparsifyEnv
from leapbench.envs.sparsify.facts import Facts

PRETRAINED = 0.4
"""Share of the updates that the dense network has had before the first decision."""
JUDGES = ("magnitude", "union", "joint", "normalised", "random")


class PruneEnv(SparsifyEnv):
    """Decide step after step which weights of a trained network go, down to the budget.

    ## Description

    As in `leapbench/Sparsify-Dynamic-v0`, but the network starts dense, trained for 40 % of
    the updates. In each step it loses weights, as many as the cubic schedule of Zhu and Gupta
    (2017) says, so that after the last step exactly the budget is left; then it is updated.

    ## Action Space

    `Discrete(n)` with the names in `env.moves`: what goes first, "magnitude" (the smallest
    |w|), or the lowest saliency |w dL/dw| by "union" of the tasks (a shared weight goes when
    every task agrees), "joint", "normalised" or "random"; "even" (the smallest |w| of each
    layer, the same share of each), "spare-TASK" (by that task's saliency where it is
    involved), and "cut-GROUP" (half of the group at most, by |w|, the rest from elsewhere).

    With `actions="box"`, `Box(-1, 1, (G + 5,))`: weights by which what goes is shared out over
    the groups, and a weight for each judge, of which the largest counts.

    ## Observation Space

    As in the dynamic world.

    ## Rewards

    The change in the mean relative gain over a reference, on validation pictures. The first
    counts from what a constant prediction reaches.

    ## Starting State

    A network after dense training, which the seed fixes.

    ## Episode End

    Terminated after `rounds` steps, or when the next update cannot be paid; the mask is then
    cut down to the budget.

    ## Arguments

    See `leapbench.envs.sparsify.base.SparsifyEnv`.

    ## Version History

    * v0: first version.
    """

    def _rules(self, rounds: int, iterations: int) -> dict[str, Any]:
        before = round(PRETRAINED * iterations)
        last = before + (iterations - before) * (rounds - 1) // rounds
        return {"dense_until": last / iterations + 1e-9}

    def _moves(self, facts: Facts) -> tuple[str, ...]:
        spare = (f"spare-{task}" for task in facts.tasks)
        cut = (f"cut-{group}" for group in dict.fromkeys(facts.groups))
        return (*JUDGES, "even", *spare, *cut)

    def _numbers(self) -> int:
        return len(self.encoder.groups) + len(JUDGES)

    def _begin(self) -> None:
        self.training.train(round(PRETRAINED * self.job.iterations))

    def _due(self) -> int:
        before = round(PRETRAINED * self.job.iterations)
        total, count = self.job.iterations - before, self.rounds
        return total * self.steps // count - total * (self.steps - 1) // count

    @property
    def target(self) -> int:
        """Weights that are left after the next cut."""
        done, budget = (self.steps + 1) / self.rounds, self.facts.budget
        return budget + round((len(self.training.mask) - budget) * (1 - done) ** 3)

    def _move(self, move: str) -> None:
        verb, _, name = move.partition("-")
        mask, weights = self.training.mask, np.abs(self.training.flat()) + 1e-12
        going = int(mask.sum()) - self.target
        if verb == "even":
            self._shared_out([int(mask[part].sum()) for part in self.facts.slices], weights)
        elif verb == "cut":
            where = (self.encoder.group == self.encoder.groups.index(name)) & mask
            first = min(going, int(where.sum()) // 2)
            kept = mask & ~where | masks.top(weights * where, int(where.sum()) - first)
            self._decide(masks.top(weights * kept, self.target))
        else:
            self._decide(self._judged(verb, name, weights))

    def _judged(self, verb: str, task: str, weights: NDArray[Any]) -> masks.Bools:
        """What stays by a judge; where too few have a score, the largest."""
        mask, own = self.training.mask, self._own
        every = np.ones((1, len(mask)), bool)
        kind = {"joint": "joint-saliency", "magnitude": "none", "random": "none"}
        scores = self._score(kind.get(verb, "saliency"))
        if verb == "random":
            return masks.top(self.rng.random(len(mask)) * mask, self.target)
        if verb == "magnitude" or scores is None:
            return masks.top(weights * mask, self.target)
        if verb == "spare":
            index = self.facts.tasks.index(task)
            scores, own = np.where(own[index], scores[index], scores.sum(0))[None], every
        own = every if verb == "joint" else own
        rule = masks.RULES.get({"joint": "total", "spare": "total"}.get(verb, verb), masks.union)
        return rounds.filled(rule(scores * mask, own, self.target), mask, weights, self.target)

    def _shared_out(self, wanted: Any, weights: NDArray[Any]) -> None:
        """Drop the smallest |w|, split over the layers by `wanted`."""
        mask, slices = self.training.mask, self.facts.slices
        room = [int(mask[part].sum()) for part in slices]
        counts = rounds.allotted(wanted, int(mask.sum()) - self.target, room)
        self._decide(rounds.dropped(weights, mask, slices, counts))

    def _tune(self, action: NDArray[np.float64]) -> None:
        groups = len(self.encoder.groups)
        share, judge = (action[:groups] + 1) / 2, JUDGES[int(action[groups:].argmax())]
        mask, weights = self.training.mask, np.abs(self.training.flat()) + 1e-12
        active = [int((mask & (self.encoder.group == g)).sum()) for g in range(groups)]
        going = rounds.allotted(share * np.array(active), int(mask.sum()) - self.target, active)
        kind = {"joint": "joint-saliency", "magnitude": "none", "random": "none"}
        scores = self._score(kind.get(judge, "saliency"))
        kept = np.zeros_like(mask)
        for index, count in enumerate(going):
            where = self.encoder.group == index
            kept[where] = self._inside(judge, scores, weights, where, active[index] - count)
        self._decide(kept)

    def _inside(
        self, judge: str, scores: Any, weights: NDArray[Any], where: masks.Bools, count: int
    ) -> masks.Bools:
        """What stays of one group."""
        mask, size = self.training.mask[where], weights[where]
        if judge == "random":
            return masks.top(self.rng.random(len(mask)) * mask, count)
        if judge == "magnitude" or scores is None:
            return masks.top(size * mask, count)
        own = np.ones((1, len(mask)), bool) if judge == "joint" else self._own[:, where]
        rule = masks.RULES["total" if judge == "joint" else judge]
        return rounds.filled(rule(scores[:, where] * mask, own, count), mask, size, count)
