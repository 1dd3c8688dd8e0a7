"""Aggregates of normalised scores: IQM, median, mean and optimality gap.

The definitions are those of Agarwal et al., "Deep reinforcement learning at the
edge of the statistical precipice" (NeurIPS 2021), and of its library rliable.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leapbench.leaderboards.statistics.bootstrap import REPS, Counts, counts, given
from leapbench.leaderboards.statistics.interval import Floats, Interval, percentiles, unknown
from leapbench.leaderboards.statistics.strata import Scores, Strata

TRIM = 0.25


@dataclass(frozen=True)
class Aggregates:
    """Four aggregates of one agent's scores, each with its interval.

    Attributes:
        iqm: mean of the middle half of all runs of all tasks.
        median: median over tasks of the mean over runs.
        mean: mean over tasks of the mean over runs.
        optimality_gap: how far runs fall short of the target, on average; the
            smaller, the better.
    """

    iqm: Interval
    median: Interval
    mean: Interval
    optimality_gap: Interval


def iqm(scores: Scores) -> float:
    """Interquartile mean: of all n runs, without the lowest and highest floor(n / 4).

    Args:
        scores: float64 (R, T), or T arrays of their own lengths; every run counts once.
    """
    values = np.sort(Strata.of(scores).values)
    cut = int(TRIM * len(values))
    return float(values[cut : len(values) - cut].mean())


def median(scores: Scores) -> float:
    """Median over tasks of the mean over runs."""
    return float(np.median(Strata.of(scores).means))


def mean(scores: Scores) -> float:
    """Mean over tasks of the mean over runs."""
    return float(Strata.of(scores).means.mean())


def optimality_gap(scores: Scores, gamma: float = 1.0) -> float:
    """Mean over all runs of how far a score is below the target `gamma`."""
    return gamma - float(np.minimum(Strata.of(scores).values, gamma).mean())


def aggregates(
    scores: Scores,
    *,
    gamma: float = 1.0,
    reps: int = REPS,
    level: float = 0.95,
    seed: int = 0,
    small_sample: bool = False,
    indices: NDArray[np.integer] | None = None,
) -> Aggregates:
    """All four aggregates with percentile intervals of one stratified bootstrap.

    Args:
        scores: float64 (R, T), runs by tasks; or T arrays of their own lengths.
        gamma: the target that the optimality gap is measured from.
        reps: number of resamples.
        level: coverage aimed at.
        seed: of the resamples.
        small_sample: draw one run fewer than each task has, which widens the
            intervals of few runs to about what they should be.
        indices: integers (B, R, T), the resamples to use in place of own ones.

    Returns:
        The aggregates. A task with a single run leaves the intervals unknown.

    Raises:
        ValueError: when scores, level, reps or indices are not as said.
    """
    strata = Strata.of(scores, sort=indices is None)
    points = iqm(scores), median(scores), mean(scores), optimality_gap(scores, gamma)
    if strata.single and indices is None:
        return Aggregates(*(unknown(point) for point in points))
    order = np.argsort(strata.values, kind="stable")
    columns = np.argsort(order)
    drawn = (
        counts(strata, reps, seed, small_sample=small_sample, columns=columns)
        if indices is None
        else given(strata, indices, columns=columns)
    )
    resamples = resampled(strata, order, drawn, gamma)
    return Aggregates(*percentiles(points, resamples, level))


def resampled(
    strata: Strata, order: NDArray[np.intp], drawn: Iterable[Counts], gamma: float = 1.0
) -> Floats:
    """IQM, median, mean and optimality gap of each resample.

    Args:
        strata: runs by task, n in all.
        order: integers (n,), which run is the smallest, the second, and so on.
        drawn: counts of resamples, with columns in that order.
        gamma: the target of the optimality gap.

    Returns:
        float64 (4, reps).
    """
    values = strata.values[order]
    steps = np.append(-np.diff(values), 0.0)
    owner = np.repeat(np.arange(len(strata.sizes)), strata.sizes)[order]
    sums = np.zeros((len(values), len(strata.sizes) + 1))
    sums[np.arange(len(values)), owner] = values
    sums[:, -1] = np.minimum(values, gamma)
    parts = []
    for chunk in drawn:
        each = np.bincount(owner, chunk[0])
        made = chunk.astype(np.float64) @ sums
        means = np.sort(made[:, :-1] / each, axis=1)
        middle = (means[:, (len(each) - 1) // 2] + means[:, len(each) // 2]) / 2
        gap = gamma - made[:, -1] / each.sum()
        parts.append([_iqm(chunk, values[-1], steps), middle, means.mean(axis=1), gap])
    return np.concatenate(parts, axis=1)


def _iqm(chunk: Counts, top: float, steps: Floats) -> Floats:
    """Interquartile means of resamples, float64 (b,).

    A running count, clipped to the middle half, weighs each of the sorted values
    by its increments; summed by parts, those become weights of the steps between.
    """
    running = np.cumsum(np.ascontiguousarray(chunk.T), axis=0)  # rows at once, not one by one
    drawn = int(running[-1, 0])
    cut = int(TRIM * drawn)
    inside = np.clip(running, cut, drawn - cut, out=running)
    return np.asarray(top + steps @ (inside - float(cut)) / (drawn - 2 * cut))
