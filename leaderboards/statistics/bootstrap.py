"""The stratified bootstrap: runs are drawn anew inside each task.

Everything here is told in counts: how often each run was drawn. A mean, a
profile and a win probability are products with a matrix of counts, and an
interquartile mean needs one running sum of them, so no resample is ever sorted.
Counts come in chunks that stay in the processor's cache, whatever `reps` is.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from leapbench.leaderboards.statistics.strata import Strata

Integers = NDArray[np.int64]
Counts = NDArray[np.int64]
REPS = 50_000
_CHUNK, _MOST = 1 << 15, 500
_TABLE, _LOOKED_UP = 1 << 18, 64


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
    size = min(size or chunk_size(strata), reps)
    order = None if columns is None else np.argsort(columns)
    for done in range(0, reps, size):
        b = min(size, reps - done)
        parts = [
            _tally(rng, b * tasks, runs, runs - small_sample).reshape(b, tasks * runs)
            for tasks, runs in _groups(strata.sizes)
        ]
        found = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
        found = found if order is None else found.take(order, axis=1)
        yield found.astype(np.int64)


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


def _groups(sizes: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Neighbouring tasks with as many runs: their number, and runs each."""
    for runs, group in groupby(sizes):
        yield len(list(group)), runs


def _tally(rng: np.random.Generator, rows: int, runs: int, drawn: int) -> NDArray[np.integer]:
    """Times that each run is drawn, (rows, runs); each row adds up to `drawn`."""
    if runs > _LOOKED_UP:
        keys = rng.integers(0, runs, size=(rows, drawn)) + runs * np.arange(rows)[:, None]
        return np.bincount(keys.ravel(), minlength=rows * runs).reshape(rows, runs)
    width = next(k for k in range(min(drawn, 16), 0, -1) if runs ** (k + 1) <= _TABLE)
    found = np.zeros((rows, runs), np.uint8)
    for k in (*[width] * (drawn // width), drawn % width):
        if k:
            found += _tallies(runs, k).take(_numbers(rng, runs**k, rows), axis=0)
    return found


def _numbers(rng: np.random.Generator, below: int, count: int) -> NDArray[np.intp]:
    return rng.integers(0, below, size=count, dtype=np.uint32).astype(np.intp)


@lru_cache(maxsize=64)
def _tallies(runs: int, draws: int) -> NDArray[np.uint8]:
    """How often each run is among several draws, for every outcome of these, (outcomes, runs).

    Outcome 0, 1, 2, ... is read as the digits of the number to the base `runs`. One
    random number that is looked up here costs less than as many as it has digits.
    """
    numbers = np.arange(runs**draws)
    found = np.zeros((len(numbers), runs), np.uint8)
    for k in range(draws):
        found[numbers, numbers // runs**k % runs] += 1
    return found
