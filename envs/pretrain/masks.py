"""Which patches of a view are hidden."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Masks = NDArray[np.bool_]
ASPECT = 0.3
"""Of a rectangle, at least; at most its inverse."""
TRIES = 10


def scattered(count: int, patches: int, hidden: int, rng: np.random.Generator) -> Masks:
    """Masks (count, patches) that hide the same number of patches, each as likely."""
    return np.asarray(rng.random((count, patches)).argsort(1) < hidden)


def blocks(
    count: int, grid: int, hidden: int, rng: np.random.Generator, smallest: int | None = None
) -> Masks:
    """Masks (count, grid * grid) that hide rectangles, `hidden` patches in all (as BEiT does).

    Args:
        count: of masks.
        grid: patches along a side.
        hidden: patches of each mask.
        rng: draws them.
        smallest: patches of a rectangle, at least; a twelfth of the view where it is not given,
            which is 16 of the paper's 196.
    """
    least = max(1, round(grid * grid / 12)) if smallest is None else smallest
    return np.stack([_one(grid, hidden, least, rng).ravel() for _ in range(count)])


def _one(grid: int, hidden: int, least: int, rng: np.random.Generator) -> Masks:
    mask = np.zeros((grid, grid), bool)
    while (left := hidden - int(mask.sum())) and _rectangle(mask, least, left, rng):
        pass
    if left:
        free = np.flatnonzero(~mask)
        mask.flat[rng.choice(free, left, replace=False)] = True
    return mask


def _rectangle(mask: Masks, least: int, left: int, rng: np.random.Generator) -> bool:
    """Hide one more rectangle, of at most `left` new patches; whether one was found."""
    grid = len(mask)
    for area, turn in zip(
        rng.uniform(min(least, left), max(least, left), TRIES),
        np.exp(rng.uniform(math.log(ASPECT), -math.log(ASPECT), TRIES)),
        strict=True,
    ):
        high, wide = round(math.sqrt(area * turn)), round(math.sqrt(area / turn))
        if not (0 < high < grid and 0 < wide < grid):
            continue
        top, start = rng.integers(grid - high + 1), rng.integers(grid - wide + 1)
        part = mask[top : top + high, start : start + wide]
        if 0 < high * wide - int(part.sum()) <= left:
            part[:] = True
            return True
    return False
