"""Performance profiles: which part of the runs beats a score, for every score."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leapbench.leaderboards.statistics.bootstrap import REPS, Counts, counts, given
from leapbench.leaderboards.statistics.interval import Floats, tails
from leapbench.leaderboards.statistics.strata import Scores, Strata


@dataclass(frozen=True, eq=False)
class Profile:
    """A performance profile with a pointwise band.

    Attributes:
        taus: float64 (K,), ascending scores.
        fraction: float64 (K,), the part above each, in [0, 1]; never rises.
        low: float64 (K,), lower edge of the band.
        high: float64 (K,), upper edge. The band covers each point at the stated
            level, not the whole curve at once.
    """

    taus: Floats
    fraction: Floats
    low: Floats
    high: Floats


def performance_profile(
    scores: Scores,
    taus: ArrayLike,
    *,
    average: bool = False,
    reps: int = REPS,
    level: float = 0.95,
    seed: int = 0,
    small_sample: bool = False,
    indices: NDArray[np.integer] | None = None,
) -> Profile:
    """Profile with a band from the stratified bootstrap.

    Args:
        scores: float64 (R, T), runs by tasks; or T arrays of their own lengths.
        taus: (K,), ascending.
        average: count tasks whose mean is above, in place of runs that are above.
        reps: number of resamples.
        level: pointwise coverage aimed at.
        seed: of the resamples.
        small_sample: draw one run fewer than each task has.
        indices: integers (B, R, T), the resamples to use in place of own ones.

    Raises:
        ValueError: when scores, taus, level, reps or indices are not as said.
    """
    points = np.asarray(taus, np.float64)
    if points.ndim != 1 or not len(points) or not (np.diff(points) >= 0).all():
        raise ValueError("taus must be one-dimensional, ascending and not empty")
    strata = Strata.of(scores, sort=indices is None)
    above = _tasks_above if average else _runs_above
    whole = above(strata, [np.ones((1, len(strata.values)), np.int64)], points)[0]
    if strata.single and indices is None:
        return Profile(points, whole, np.zeros_like(whole), np.ones_like(whole))
    drawn = (
        counts(strata, reps, seed, small_sample=small_sample)
        if indices is None
        else given(strata, indices)
    )
    low, high = np.quantile(above(strata, drawn, points), tails(level), axis=0)
    return Profile(points, whole, np.minimum(low, whole), np.maximum(high, whole))


def _runs_above(strata: Strata, drawn: Iterable[Counts], taus: Floats) -> Floats:
    """Part of the runs above each tau, float64 (reps, K)."""
    over = (strata.values[:, None] > taus).astype(np.float64)
    parts = [chunk.astype(np.float64) @ over / chunk[0].sum() for chunk in drawn]
    return np.concatenate(parts)


def _tasks_above(strata: Strata, drawn: Iterable[Counts], taus: Floats) -> Floats:
    """Part of the tasks whose mean is above each tau, float64 (reps, K)."""
    starts = np.array(strata.starts[:-1])
    parts = []
    for chunk in drawn:
        each = np.add.reduceat(chunk[0], starts)
        means = np.add.reduceat(chunk * strata.values, starts, axis=1) / each
        parts.append((means[:, :, None] > taus).mean(axis=1))
    return np.concatenate(parts)
