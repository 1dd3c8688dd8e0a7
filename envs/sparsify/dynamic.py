"""Dynamic sparse training as a game: in each round weights move between layers and tasks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.sparsify import masks, rounds
from leapbench.envs.sparsify.base import SparsifyEnv
from leapbench.envs.sparsify.facts import Facts
from leapbench.envs.sparsify.masks import Bools

FIRST = ("train", "set", "rigl", "union")
"""Moves that there are whatever the tasks."""
DROP = 0.3
"""Share of the active weights that the first round exchanges, as RigL; it falls to 0."""
MOST = 0.5
"""Share of a group's active weights that an action of the `Box` variant may drop."""
SHIFT = 0.05
"""Share of the budget that a shift moves."""


class DynamicEnv(SparsifyEnv):
    """Decide, round after round, which weights of a network that several tasks share are alive.

    ## Description

    A small residual network predicts classes, depth and surface normals of a scene. Nine in
    ten of its weights are 0 and stay so until they are let in. Training is cut into rounds. In
    each, the agent drops weights and lets in as many others, and the network is updated
    `iterations / rounds` times. Whose gradients decide what grows is the question of DiSparse
    (arXiv 2206.04662, section on dynamic sparse training); RigL (Evci et al., 2020) asks the
    gradient of the summed loss, SET chance.

    ## Action Space

    `Discrete(n)` with the names in `env.moves`: "train" (keep the mask), "set", "rigl",
    "union" (every task's best, until the quota is full), for each task "boost-TASK" (grow by
    its gradient alone), "take-TASK" (5 % of the budget from the task's head to the shared
    layers) and "give-TASK" (the other way). Rounds exchange a share of each layer that falls
    from 0.3 to 0 along a cosine.

    With `actions="box"`, `Box(-1, 1, (2 G + T + 3,))` for G groups of layers and T tasks:
    shares of each group to drop (-1 none, 1 half), weights by which what was dropped is shared
    out, weights of the tasks' gradients, of the joint one and of chance, and whether they are
    summed (< 0) or each task has its best in turn.

    ## Observation Space

    `Box(-10, 10, (n,), float32)`; `env.encoder.names` names the entries, see
    `leapbench.envs.sparsify.observation.Encoder`.

    ## Rewards

    The change in the mean relative gain over a reference, on validation pictures. The first
    counts from what a constant prediction reaches. Test pictures enter no reward.

    ## Starting State

    Random weights and a random mask with densities by Erdős–Rényi-Kernel. The seed fixes
    weights, mask and order of pictures. Scenes are the same in all episodes.

    ## Episode End

    Terminated after `rounds` steps, or when the next update cannot be paid: a second ledger
    counts the multiply-adds of updates and scoring passes. No mask ever has more weights than
    the budget. `info` has both ledgers, the metrics and the gain of each task.

    ## Arguments

    See `leapbench.envs.sparsify.base.SparsifyEnv`. Wrong ones raise
    `leapbench.errors.UserError`.

    ## Version History

    * v0: first version.
    """

    def _rules(self, rounds: int, iterations: int) -> dict[str, Any]:
        return {"dense_until": 0.0}

    def _moves(self, facts: Facts) -> tuple[str, ...]:
        named = [f"{verb}-{task}" for verb in ("boost", "take", "give") for task in facts.tasks]
        return (*FIRST, *named)

    def _numbers(self) -> int:
        return 2 * len(self.encoder.groups) + len(self.facts.tasks) + 3

    def _begin(self) -> None:
        facts = self.facts
        chance = self.rng.random((1, len(self.training.mask)))
        counts = masks.erk(facts.shapes, facts.budget)
        every = np.ones_like(chance, bool)
        self._decide(masks.per_layer(masks.total, chance, every, facts.slices, counts))

    def _due(self) -> int:
        total, count = self.job.iterations, self.rounds
        return total * self.steps // count - total * (self.steps - 1) // count

    def _move(self, move: str) -> None:
        verb, _, task = move.partition("-")
        if verb in ("take", "give"):
            self._shift(self.facts.tasks.index(task), give=verb == "give")
        elif verb != "train":
            self._exchange(verb, task)

    def _exchange(self, verb: str, task: str) -> None:
        """Drop a share of each layer by magnitude and let in as many."""
        facts, mask = self.facts, self.training.mask
        share = rounds.cosine(DROP, self.steps / self.rounds)
        counts = [round(share * int(mask[part].sum())) for part in facts.slices]
        scores, own, rule = self._growth(verb, task)
        if scores is None or not any(counts):
            return
        weights = self.training.flat()
        left = rounds.dropped(weights, mask, facts.slices, counts)
        after = rounds.grown(left, scores, own, facts.slices, counts, rule)
        self._decide(rounds.filled(after, mask, weights, int(mask.sum())))

    def _growth(self, verb: str, task: str) -> tuple[Any, Bools, masks.Rule]:
        """Scores, whose they are, and the rule that picks by them."""
        every = np.ones((1, len(self.training.mask)), bool)
        if verb == "set":
            return self.rng.random(every.shape), every, masks.total
        if verb == "rigl":
            return self._score("joint"), every, masks.total
        scores, own = self._score("gradients"), self._own
        if verb == "union" or scores is None:
            return scores, own, masks.union
        index = self.facts.tasks.index(task)  # other tasks' own layers grow by their own
        first = np.where(own[index], scores[index], scores.sum(0))
        return first[None], every, masks.total

    def _shift(self, task: int, give: bool) -> None:
        """Move a share of the budget between a task's head and the shared layers."""
        owners = np.repeat(self.facts.owners, self.facts.sizes)
        head, shared = owners == task, owners == -1
        source, target = (shared, head) if give else (head, shared)
        scores = self._score("gradients")
        if scores is None:
            return
        mask, weights = self.training.mask, self.training.flat()
        room = int((target & ~mask).sum())
        count = min(round(SHIFT * self.facts.budget), int((source & mask).sum()) // 2, room)
        kept = masks.top(
            np.where(source & mask, np.abs(weights) + 1e-12, 0), int((source & mask).sum()) - count
        )
        left = (mask & ~source) | kept
        free = self._own & target & ~left
        after = left | masks.union(np.where(free, scores, 0), free, count)
        self._decide(rounds.filled(after, mask, weights, int(mask.sum())))

    def _tune(self, action: NDArray[np.float64]) -> None:
        mask, count = self.training.mask, len(self.encoder.groups)
        gradients, joint = self._score("gradients"), self._score("joint")
        if gradients is None or joint is None:
            return
        unit = (action + 1) / 2
        drop, share, who, each = np.split(unit, [count, 2 * count, len(unit) - 1])
        weights, group = self.training.flat(), self.encoder.group
        slices, order = _grouped(group, count)
        active = [int(mask[group == g].sum()) for g in range(count)]
        counts = [int(MOST * d * a) for d, a in zip(drop, active, strict=True)]
        left = np.empty_like(mask)
        left[order] = rounds.dropped(weights[order], mask[order], slices, counts)
        room = [int((~left[group == g]).sum()) for g in range(count)]
        quota = rounds.allotted(share, sum(counts), room)
        scores = np.concatenate([gradients, joint, self.rng.random(joint.shape)])
        own = np.concatenate([self._own, np.ones((2, len(mask)), bool)])
        used = who > 0.01
        if not used.any():
            used = np.ones_like(used)
        scores, own, who = scores[used], own[used], np.maximum(who[used], 0.01)
        if each[0] < 0.5:
            total = np.maximum(np.where(own, scores, 0).sum(1, keepdims=True), 1e-30)
            scores = np.where(own, scores, 0) / total * who[:, None]
        rule = masks.total if each[0] < 0.5 else masks.union
        after = np.empty_like(mask)
        after[order] = rounds.grown(
            left[order], scores[:, order], own[:, order], slices, quota, rule
        )
        self._decide(rounds.filled(after, mask, weights, int(mask.sum())))


def _grouped(group: NDArray[Any], count: int) -> tuple[list[slice], NDArray[Any]]:
    """Places sorted by group, and where each group then lies."""
    order = np.argsort(group, kind="stable")
    ends = np.cumsum(np.bincount(group, minlength=count)).tolist()
    return [slice(a, b) for a, b in zip([0, *ends[:-1]], ends, strict=True)], order
