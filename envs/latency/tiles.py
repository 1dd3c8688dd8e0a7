"""What operators are cut into: candidate tiles, and how well tiles use an engine and its memory."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


@cache
def candidates(extent: int) -> Numbers:
    """Tile sizes that are tried for an extent: powers of two, even parts, and small ones.

    Of tilings that cost the same the first is taken; the released predictor goes through a
    set of integers, whose order CPython keeps the same.
    """
    powers = [1 << power for power in range(8) if 1 << power <= 2 * extent]
    parts = list(dict.fromkeys(-(-extent // number) for number in range(1, min(extent, 8))))
    return np.array(list(set(powers + parts + list(range(2, min(extent, 8))))), float)


def grid(*extents: int) -> list[Numbers]:
    """Candidates of several extents, shaped to be combined by broadcasting."""
    return list(np.meshgrid(*map(candidates, extents), indexing="ij", sparse=True))


def parts(extent: float, tile: Numbers) -> Numbers:
    """How many tiles cover an extent."""
    return np.ceil(extent / tile)


def filling(work: Numbers | float, parallel: float) -> Numbers:
    """Share of parallel units that are busy while `work` is done in whole rounds."""
    return np.asarray(work / (np.ceil(work / parallel) * parallel))


def fetching(run: Numbers, gap: Numbers, sector: int) -> Numbers:
    """Share of fetched words that are used, in runs of words with gaps between them."""
    gap = np.maximum(gap, 0)
    short = np.where(run + gap > sector, run / sector, run / (run + gap))
    return np.where(run > sector, filling(run, sector), short)
