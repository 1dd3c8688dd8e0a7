"""The stratified bootstrap: runs are drawn anew inside each task.

Everything here is told in counts: how often each run was drawn. A mean, a
profile and a win probability are products with a matrix of counts, and an
interquartile mean needs one running sum of them, so no resample is ever sorted.
Counts come in chunks that stay in the processor's cache, whatever `reps` is.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, reduce
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from leapbench.leaderboards.statistics.strata import Strata

Integers = NDArray[np.int64]
Counts = NDArray[np.int64]
REPS = 50_000
_CHUNK, _MOST = 1 << 15, 500
_TABLE = 1 << 16


def counts(
    strata: Strata,
    reps: int,
    seed: int | list[int],
    *,
    small_sample: bool = False,
    size: int | None = None,
    columns: NDArray[np.intp] | None = None,
) -> Iterator[Counts]:
    """Draw resamples.

    Args:
        strata: runs by task, n in all.
        reps: number of resamples.
        seed: of the NumPy generator; the same seed draws the same.
        small_sample: draw one run fewer than a task has. The variance of the
            resamples is then that of the sample, not (R - 1) / R of it (Rao and Wu,
            1988, "Resampling inference with complex survey data").
        size: resamples a chunk; None for `chunk_size(strata)`.
        columns: integers (n,), the column for each run; None for its position.

    Yields:
        int64 (b, n), the times that each run was drawn; the b add up to `reps`.

    Raises:
        ValueError: when `reps` is not positive, or no run would be left to draw.
    """
    if reps < 1:
        raise ValueError(f"reps must be positive, got {reps}")
    if small_sample and strata.single:
        raise ValueError("a task with one run has none to leave out")
    rng = np.random.default_rng(seed)
    total = len(strata.values)
    size = min(size or chunk_size(strata), reps)
    rows = np.arange(size, dtype=np.int64)[:, None] * total
    table = np.arange(total) if columns is None else columns
    for done in range(0, reps, size):
        b = min(size, reps - done)
        found = []
        for tasks, runs, start in _groups(strata.sizes):
            drawn = _draw(rng, b, tasks, runs, runs - small_sample, start)
            keys = table.take(drawn.astype(np.intp))
            keys += rows[:b]
            found.append(np.bincount(keys.ravel(), minlength=b * total))
        yield reduce(np.add, found).reshape(b, total)


def chunk_size(*strata: Strata) -> int:
    """Resamples a chunk, 1 to 500, so that one of several agents stays in cache."""
    return max(1, min(_MOST, _CHUNK // max(len(each.values) for each in strata)))


def given(
    strata: Strata,
    indices: NDArray[np.integer],
    size: int | None = None,
    columns: NDArray[np.intp] | None = None,
) -> Iterator[Counts]:
    """Counts of resamples that the caller drew.

    Args:
        strata: runs by task, as many in each, in the order that the indices mean.
        indices: integers (B, R, T): which run stands where in each resample.
        size: resamples a chunk; None for `chunk_size(strata)`.
        columns: integers (n,), the column for each run; None for its position.

    Raises:
        ValueError: when the indices do not fit the scores.
    """
    runs, tasks = strata.sizes[0], len(strata.sizes)
    if indices.ndim != 3 or indices.shape[2] != tasks or set(strata.sizes) != {runs}:
        raise ValueError(f"indices must be (reps, runs, {tasks}), got {indices.shape}")
    if indices.size == 0 or indices.min() < 0 or indices.max() >= runs:
        raise ValueError(f"indices must lie in 0..{runs - 1}")
    total = runs * tasks
    size = size or chunk_size(strata)
    table = np.arange(total) if columns is None else columns
    for done in range(0, len(indices), size):
        chunk = indices[done : done + size].astype(np.int64) + np.arange(tasks) * runs
        keys = table.take(chunk) + (np.arange(len(chunk)) * total)[:, None, None]
        yield np.bincount(keys.ravel(), minlength=len(chunk) * total).reshape(-1, total)


def _groups(sizes: tuple[int, ...]) -> Iterator[tuple[int, int, int]]:
    """Neighbouring tasks with as many runs: their number, runs each, first position."""
    start = 0
    for runs, group in groupby(sizes):
        tasks = len(list(group))
        yield tasks, runs, start
        start += tasks * runs


def _draw(
    rng: np.random.Generator, b: int, tasks: int, runs: int, drawn: int, start: int
) -> NDArray[np.unsignedinteger]:
    """Positions of the runs that were drawn, (b, tasks * drawn)."""
    digits = _digits(runs)
    need = b * tasks * drawn
    numbers = rng.integers(0, len(digits), size=-(-need // digits.shape[1]), dtype=np.uint32)
    inside = digits.take(numbers, axis=0).ravel()[:need].reshape(b, tasks * drawn)
    end = start + tasks * runs
    starts = np.repeat(np.arange(start, end, runs, dtype=np.min_scalar_type(end)), drawn)
    return np.asarray(inside + starts)


@lru_cache(maxsize=64)
def _digits(runs: int) -> NDArray[np.unsignedinteger]:
    """Several draws of 0..runs-1 at once: the digits to the base `runs` of 0, 1, 2, ...

    One random number that is looked up here costs less than as many as it has digits.
    """
    width = next((k for k in (8, 4, 2) if runs**k <= _TABLE), 1)
    numbers = np.arange(runs**width)
    each = [numbers // runs**k % runs for k in range(width)]
    return np.stack(each, axis=1).astype(np.min_scalar_type(runs))
