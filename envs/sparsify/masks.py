"""The algebra of keep masks over one flat vector of all prunable weights.

A task's own keep mask has the best scores of what that task uses. A shared weight is *pruned*
when every task agrees to prune it, so the *kept* set is the union of the tasks' keep masks
(DiSparse, arXiv 2206.04662). Such a union grows with the tasks' keep ratio, so that the one
with exactly n weights has the n best of each weight's best rank over the tasks: no search.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Floats = NDArray[Any]
Rule = Callable[[Floats, Bools, int], Bools]
"""Scores (T, P), what each task uses (T, P), count: which weights stay, (P,)."""


def top(scores: Floats, count: int, among: Bools | None = None) -> Bools:
    """The `count` highest positive scores, the first of equals; fewer where there are fewer.

    A score of zero is never kept: in a layer that is cut off all scores are zero, and a
    threshold would keep all of it or none.

    Args:
        scores: (P,), 0 or more.
        count: weights to keep.
        among: candidates (P,); None for all.
    """
    able = scores > 0 if among is None else (scores > 0) & among
    kept = np.zeros(len(scores), bool)
    kept[_leaders(scores, np.flatnonzero(able), count)] = True
    return kept


def task_masks(scores: Floats, own: Bools, ratio: float) -> Bools:
    """Keep mask of each task, (T, P): the best `ratio` of what it uses."""
    return np.stack([top(s, int(ratio * o.sum()), o) for s, o in zip(scores, own, strict=True)])


def shares(scores: Floats, own: Bools, most: float = 1.0) -> Floats:
    """Keep ratio from which a task keeps a weight, float64 (T, P); infinite where it never does.

    It is the weight's rank among what the task uses, from 1 on, over the number of those.

    Args:
        scores: (T, P), 0 or more.
        own: what each task uses, (T, P).
        most: keep ratio above which nobody asks: what is beyond is infinite too.
    """
    found = np.full(scores.shape, np.inf)
    for each, values, mine in zip(found, scores, own, strict=True):
        used = int(np.count_nonzero(mine))
        order = _leaders(values, np.flatnonzero(mine & (values > 0)), math.ceil(most * used))
        each[order] = np.arange(1, len(order) + 1) / max(1, used)
    return found


def union(scores: Floats, own: Bools, count: int) -> Bools:
    """The union of the tasks' keep masks at the keep ratio that leaves `count` weights."""
    fewest = min(int(np.count_nonzero(mine)) for mine in own)  # whose masks alone are enough
    most = count / fewest if fewest else 1.0
    found = shares(scores, own, most).min(0)
    if most < 1 and np.count_nonzero(np.isfinite(found)) < count:  # too few have a score
        found = shares(scores, own).min(0)
    return _least(found, count)


def intersection(scores: Floats, own: Bools, count: int) -> Bools:
    """The wrong arbiter: the intersection of the masks of all tasks that use a weight."""
    found = shares(scores, own)
    return _least(np.where(own, found, 0).max(0), count)


def normalised(scores: Floats, own: Bools, count: int) -> Bools:
    """One threshold on the sum of the tasks' scores, each divided by its total."""
    scaled = np.where(own, scores, 0)
    return top((scaled / np.maximum(scaled.sum(1, keepdims=True), 1e-30)).sum(0), count)


def total(scores: Floats, own: Bools, count: int) -> Bools:
    """One threshold on the sum of the scores; on one row of joint scores it is SNIP's."""
    return top(np.where(own, scores, 0).sum(0), count)


RULES: dict[str, Rule] = {
    "union": union,
    "intersection": intersection,
    "normalised": normalised,
    "total": total,
}


def per_layer(
    rule: Rule, scores: Floats, own: Bools, slices: Sequence[slice], counts: Sequence[int]
) -> Bools:
    """A rule with a budget of its own for each layer, (P,)."""
    kept = np.zeros(scores.shape[1], bool)
    for part, count in zip(slices, counts, strict=True):
        kept[part] = rule(scores[:, part], own[:, part], count)
    return kept


def keep_ratio(scores: Floats, own: Bools, kept: Bools) -> float:
    """The tasks' keep ratio of a union, from what it kept."""
    least = shares(scores, own).min(0)[kept]
    return float(least.max()) if len(least) else 0.0


def overlap(masks: Bools) -> float:
    """Intersection over union of several masks, (T, P); 1 where all are empty."""
    either = masks.any(0).sum()
    return float(masks.all(0).sum() / either) if either else 1.0


def uniform(sizes: Sequence[int], budget: int) -> list[int]:
    """The same density in every layer; whole numbers whose sum is `budget`."""
    return _whole([budget * size / sum(sizes) for size in sizes], sizes, budget)


def erk(shapes: Sequence[tuple[int, ...]], budget: int, power: float = 1.0) -> list[int]:
    """Weights of each layer by Erdős–Rényi-Kernel (Evci et al., RigL, 2020).

    The density of a layer grows with (sum of its dimensions / their product) ** power, and is
    at most 1; layers that would pass it are dense, and the rest shares what is left.

    Args:
        shapes: of the layers.
        budget: their sum, exactly.
        power: 1 as in RigL; DiSparse's released code has 0.9.
    """
    sizes = [int(np.prod(shape)) for shape in shapes]
    raw = np.array([(sum(shape) / np.prod(shape)) ** power for shape in shapes])
    size = np.array(sizes, float)
    dense = np.zeros(len(sizes), bool)
    while True:
        left = budget - size[dense].sum()
        factor = left / (raw * size)[~dense].sum() if not dense.all() else 0.0
        over = ~dense & (raw * factor > 1)
        if left <= 0 or not over.any():
            break
        dense |= over & (raw == raw[over].max())
    wanted = np.where(dense, size, raw * max(factor, 0.0) * size)
    return _whole(wanted * min(1.0, budget / max(wanted.sum(), 1e-9)), sizes, budget)


def _whole(wanted: Sequence[float] | Floats, sizes: Sequence[int], budget: int) -> list[int]:
    """Whole numbers near `wanted`, at most `sizes`, whose sum is `budget`; largest remainders."""
    exact = np.minimum(np.asarray(wanted, float), sizes)
    counts = np.floor(exact + 1e-9).astype(np.int64)
    room = np.asarray(sizes) - counts
    order = np.argsort(-(exact - counts), kind="stable")
    missing = min(budget, sum(sizes)) - int(counts.sum())
    while missing > 0:
        for place in order:
            if missing and room[place]:
                counts[place], room[place], missing = (
                    counts[place] + 1,
                    room[place] - 1,
                    missing - 1,
                )
    return [int(each) for each in counts]


def _leaders(values: Floats, places: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Those `count` of `places` with the highest values, in order, the first of equals first."""
    if count < len(places) // 2:  # a partition is cheaper than sorting all
        held = values[places]
        least = np.partition(held, len(held) - max(count, 1))[len(held) - max(count, 1)]
        places = places[held >= least]
    return places[np.argsort(-values[places], kind="stable")][: max(count, 0)]


def _least(values: Floats, count: int) -> Bools:
    """The `count` smallest finite values, the first of equals."""
    kept = np.zeros(len(values), bool)
    kept[_leaders(-values, np.flatnonzero(np.isfinite(values)), count)] = True
    return kept
