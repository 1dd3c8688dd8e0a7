"""Means over seeds with 95 % intervals by Student's t."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev

# 0.975 quantile of Student's t by degrees of freedom (1 to 30, then fewer); between
# two entries the smaller number of degrees is used, which widens the interval.
_DEGREES = (*range(1, 31), 40, 60, 120)
_QUANTILES = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
    2.021, 2.000, 1.980,
)  # fmt: skip


@dataclass(frozen=True)
class Estimate:
    """A mean and how sure it is.

    Attributes:
        mean: of the sample.
        half_width: half of the 95 % interval; None for a single value.
        count: size of the sample.
    """

    mean: float
    half_width: float | None
    count: int

    @property
    def low(self) -> float | None:
        """Lower end of the interval."""
        return None if self.half_width is None else self.mean - self.half_width

    @property
    def high(self) -> float | None:
        """Upper end of the interval."""
        return None if self.half_width is None else self.mean + self.half_width

    def scaled(self, factor: float) -> Estimate:
        """The estimate in another unit; `factor` is positive."""
        width = None if self.half_width is None else self.half_width * factor
        return Estimate(self.mean * factor, width, self.count)


def t_quantile(degrees: int) -> float:
    """0.975 quantile of Student's t, to three decimals; above 30 degrees up to 1 % too wide.

    Args:
        degrees: degrees of freedom, 1 or more.
    """
    if degrees < 1:
        raise ValueError(f"degrees of freedom must be positive, got {degrees}")
    return _QUANTILES[bisect_right(_DEGREES, degrees) - 1]


def estimate(values: Sequence[float]) -> Estimate:
    """Mean of independent values, such as one score a seed; not empty."""
    mean, count = fmean(values), len(values)
    if count < 2:
        return Estimate(mean, None, count)
    return Estimate(mean, t_quantile(count - 1) * stdev(values) / sqrt(count), count)
