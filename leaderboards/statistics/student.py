"""Student's t distribution and the intervals that rest on it.

The tail is an integral of a power of the cosine (substitute t = sqrt(d) tan x),
which Gauss and Legendre's rule of 32 points gives to about 1e-14.
"""

from __future__ import annotations

from functools import lru_cache
from math import acos, exp, lgamma, pi, sqrt, tan

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leapbench.leaderboards.statistics.interval import Floats, Interval, tails, unknown
from leapbench.leaderboards.statistics.strata import Scores, Strata

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(32)


def survival(t: ArrayLike, degrees: int) -> Floats:
    """Probability that Student's t exceeds `t`.

    Args:
        t: any shape, float64, infinities allowed.
        degrees: degrees of freedom, 1 or more.

    Returns:
        float64 of the same shape; off by less than 1e-13 up to 1,000 degrees of
        freedom, and by 1e-9 at ten million.

    Raises:
        ValueError: when there is less than one degree of freedom.
    """
    if degrees < 1:
        raise ValueError(f"degrees of freedom must be positive, got {degrees}")
    # Past the edge the integrand is below 1e-18; the rule would waste its points there.
    edge = acos(exp(-41.5 / max(degrees - 1, 1)))
    angle = np.arctan(np.asarray(t, np.float64) / sqrt(degrees))
    angle = np.clip(angle, -edge, edge) if degrees > 1 else angle
    points = np.cos(angle[..., None] * (_NODES + 1) / 2)
    inside = angle / 2 * (points ** (degrees - 1) @ _WEIGHTS)
    scale = exp(lgamma((degrees + 1) / 2) - lgamma(degrees / 2)) / sqrt(pi)
    return np.clip(0.5 - scale * inside, 0, 1)


@lru_cache(maxsize=4096)
def quantile(probability: float, degrees: int) -> float:
    """The value that Student's t stays under with the given probability.

    Args:
        probability: between 0 and 1, both excluded.
        degrees: degrees of freedom, 1 or more.
    """
    if not 0 < probability < 1:
        raise ValueError(f"probability must be between 0 and 1, got {probability}")
    if probability < 0.5:
        return -quantile(1 - probability, degrees)
    low, high = 0.0, pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        above = survival(sqrt(degrees) * tan(middle), degrees) > 1 - probability
        low, high = (middle, high) if above else (low, middle)
    return sqrt(degrees) * tan((low + high) / 2)


def around(value: float, error: float, degrees: float, level: float) -> Interval:
    """Interval of an estimate with a standard error; degrees are rounded down."""
    if degrees < 1:
        return unknown(value)
    half = quantile(tails(level)[1], int(degrees)) * error
    return Interval(value, value - half, value + half)


def mean_interval(scores: Scores, *, level: float = 0.95) -> Interval:
    """Mean with Student's t interval: the one to use for a mean of few runs.

    For one task this is the textbook interval. For several it is that of the mean
    of task means: the variances of the tasks add, and the degrees of freedom are
    Satterthwaite's (1946), rounded down.

    Args:
        scores: float64 (R, T) or (R,), or T arrays of their own lengths.
        level: coverage aimed at.
    """
    strata = Strata.of(scores)
    error, degrees = moments(strata)
    return around(float(strata.means.mean()), error, degrees, level)


def moments(strata: Strata) -> tuple[float, float]:
    """Standard error of the mean of task means, and its degrees of freedom; 0 if unknown."""
    if min(strata.sizes) < 2:
        return 0.0, 0.0
    sizes = np.array(strata.sizes, np.float64)
    parts = np.array([task.var(ddof=1) for task in strata.tasks]) / sizes / len(sizes) ** 2
    total = float(parts.sum())
    shrink = parts / parts.max() if total > 0 else np.ones_like(parts)
    degrees = shrink.sum() ** 2 / (shrink**2 / (sizes - 1)).sum()
    return sqrt(total), float(degrees) * (1 + 1e-12)


def welch(
    mean: NDArray[np.float64], error: NDArray[np.float64], degrees: NDArray[np.float64]
) -> tuple[Floats, Floats, Floats]:
    """Every pairwise difference of independent estimates, by Welch (1947).

    Args:
        mean: float64 (N,), estimates.
        error: float64 (N,), their standard errors.
        degrees: float64 (N,), degrees of freedom of those; 0 where unknown.

    Returns:
        Differences row minus column, their standard errors and their degrees of
        freedom rounded down (0 where one of both is unknown), each float64 (N, N).
    """
    square = error**2
    total = square[:, None] + square[None]
    known = (degrees[:, None] >= 1) & (degrees[None] >= 1)
    # In units of the larger part, so that nothing under- or overflows.
    largest = np.maximum(np.maximum(square[:, None], square[None]), np.finfo(float).tiny)
    part = square[:, None] / largest, square[None] / largest
    spare = np.maximum(degrees, 1)
    below = part[0] ** 2 / spare[:, None] + part[1] ** 2 / spare[None]
    freedom = np.where(below > 0, (part[0] + part[1]) ** 2 / np.where(below > 0, below, 1), 1)
    freedom = np.where(known, np.floor(freedom * (1 + 1e-12)), 0)
    return mean[:, None] - mean[None], np.sqrt(total), freedom


def welch_difference(a: Scores, b: Scores, *, level: float = 0.95) -> Interval:
    """Difference of the means of two independent groups of runs, a minus b.

    Args:
        a: as for `mean_interval`; the tasks need not match those of `b` in runs.
        b: as for `mean_interval`.
        level: coverage aimed at.
    """
    groups = Strata.of(a), Strata.of(b)
    mean = np.array([float(group.means.mean()) for group in groups])
    error, degrees = np.array([moments(group) for group in groups]).T
    difference, errors, freedom = welch(mean, error, degrees)
    return around(float(difference[0, 1]), float(errors[0, 1]), float(freedom[0, 1]), level)
