"""Rounds of dynamic sparse training: drop by magnitude, grow by somebody's scores."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from leapbench.envs.sparsify.masks import Bools, Floats, Rule, top


def cosine(start: float, done: float) -> float:
    """A share that falls from `start` to 0 along half a cosine; `done` in [0, 1]."""
    return 0.5 * start * (1 + math.cos(math.pi * min(1.0, max(0.0, done))))


def dropped(weights: Floats, mask: Bools, slices: Sequence[slice], counts: Sequence[int]) -> Bools:
    """The mask without the `counts` smallest active weights of each layer, (P,).

    Zeros count as small: a weight that was let in and has not moved is dropped first.
    """
    kept = np.zeros_like(mask)
    for part, count in zip(slices, counts, strict=True):
        active = np.flatnonzero(mask[part])
        order = np.argsort(np.abs(weights[part][active]), kind="stable")
        kept[part.start + active[order[min(count, len(active)) :]]] = True
    return kept


def grown(
    mask: Bools,
    scores: Floats,
    own: Bools,
    slices: Sequence[slice],
    counts: Sequence[int],
    rule: Rule,
) -> Bools:
    """The mask with `counts` further weights in each layer, the best inactive ones by a rule."""
    found = mask.copy()
    for part, count in zip(slices, counts, strict=True):
        free = own[:, part] & ~mask[part]
        found[part] |= rule(np.where(free, scores[:, part], 0), free, count)
    return found


def each_task(scores: Floats, own: Bools, count: int) -> Bools:
    """A rule that lets every task have `count` weights: their union may have T times as many."""
    picks = [top(s, count, o) for s, o in zip(scores, own, strict=True)]
    return np.asarray(np.any(picks, axis=0))


def filled(mask: Bools, before: Bools, weights: Floats, count: int) -> Bools:
    """The mask with so many weights that it has `count`: those of `before` that are largest.

    Where too few weights have a score to grow by, what was dropped comes back.
    """
    missing = count - int(mask.sum())
    if missing <= 0:
        return mask
    back = before & ~mask
    return mask | top(np.where(back, np.abs(weights) + 1e-12, 0), missing)


def refilled(
    mask: Bools, before: Bools, weights: Floats, slices: Sequence[slice], counts: Sequence[int]
) -> Bools:
    """As `filled`, with a number for each layer."""
    found = mask.copy()
    for part, count in zip(slices, counts, strict=True):
        found[part] = filled(mask[part], before[part], weights[part], count)
    return found


def allotted(shares: Floats, total: int, room: Sequence[int]) -> list[int]:
    """`total` split by `shares`, at most `room` each; what does not fit goes to the others.

    Args:
        shares: 0 or more, one for each.
        total: to be split, at most the sum of `room`.
        room: what fits.
    """
    limit = np.asarray(room, np.int64)
    weight = np.maximum(np.asarray(shares, float), 0) + 1e-6
    counts = np.zeros(len(limit), np.int64)
    left = min(total, int(limit.sum()))
    while left > 0:
        open_ = counts < limit
        wanted = np.floor(left * weight * open_ / (weight * open_).sum()).astype(np.int64)
        given = np.minimum(wanted, limit - counts)
        if not given.any():
            best = int(np.argmax(np.where(open_, weight, -1)))
            given[best] = 1
        counts += given
        left -= int(given.sum())
    return [int(each) for each in counts]
