"""An estimate with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
RESOLUTION = 64 * float(np.finfo(np.float64).eps)
"""Difference of two scores, over the larger of both and 1, below which there is none.

The same numbers added up in another order differ by as much.
"""


@dataclass(frozen=True)
class Interval:
    """A number and how sure it is.

    Attributes:
        value: the point estimate, in the unit of the scores.
        low: lower end, never above `value`.
        high: upper end, never below `value`. One run says nothing about the
            spread between runs; its interval is the whole line, or the whole
            range of a quantity that has one.
    """

    value: float
    low: float
    high: float

    @property
    def known(self) -> bool:
        """Whether there were runs enough for an interval at all."""
        return isfinite(self.low) and isfinite(self.high)

    def excludes(self, number: float = 0.0) -> bool:
        """Whether the number lies outside; an end that touches it is inside."""
        return self.low > number or self.high < number

    def scaled(self, factor: float) -> Interval:
        """The interval in another unit; a negative factor swaps the ends."""
        ends = sorted((self.low * factor, self.high * factor))
        return Interval(self.value * factor, ends[0], ends[1])


def difference(a: Floats, b: Floats) -> Floats:
    """`a` minus `b`, 0 where they differ by no more than rounding can make.

    Args:
        a: float64, any shape.
        b: float64, of a shape that goes with it.
    """
    size = np.maximum(np.maximum(np.abs(a), np.abs(b)), 1.0)
    found = a - b
    return np.where(np.abs(found) > RESOLUTION * size, found, 0.0)


def unknown(value: float) -> Interval:
    """A point estimate of which nothing more is known."""
    return Interval(value, -inf, inf)


def tails(level: float) -> tuple[float, float]:
    """Probabilities at both ends of a central interval.

    Raises:
        ValueError: when the level is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, such as 0.95, got {level}")
    return (1 - level) / 2, (1 + level) / 2


def percentile(value: float, resamples: Floats, level: float) -> Interval:
    """Percentile interval of bootstrap estimates, stretched to the point estimate.

    Args:
        value: the estimate from the sample itself.
        resamples: float64 (reps,), the estimates from its resamples.
        level: coverage aimed at.
    """
    return percentiles((value,), resamples[None], level)[0]


def percentiles(values: Sequence[float], resamples: Floats, level: float) -> list[Interval]:
    """As `percentile` for several estimates; `resamples` is float64 (estimates, reps)."""
    ends = np.quantile(resamples, tails(level), axis=1).T.tolist()
    return [
        Interval(value, min(low, value), max(high, value))
        for value, (low, high) in zip(values, ends, strict=True)
    ]
