"""Scores against budgets: the mean curve, its band and the area under it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from leapbench.leaderboards.statistics.interval import Floats, Interval
from leapbench.leaderboards.statistics.student import mean_interval


@dataclass(frozen=True, eq=False)
class Curve:
    """Mean score by budget.

    Attributes:
        budgets: float64 (B,), ascending.
        mean: float64 (B,), mean over seeds.
        low: float64 (B,), lower edge of the pointwise band; -inf with one seed.
        high: float64 (B,), upper edge; inf with one seed.
        area: area under the curve of each seed over the width of the budgets, so
            that it is a mean score; averaged over seeds.
    """

    budgets: Floats
    mean: Floats
    low: Floats
    high: Floats
    area: Interval


def curve(
    budgets: ArrayLike, scores: ArrayLike, *, log: bool = False, level: float = 0.95
) -> Curve:
    """Score-budget curve with Student's t intervals over seeds.

    Args:
        budgets: (B,), strictly ascending, in any unit; positive where `log`.
        scores: (R, B), one curve a seed; finite.
        log: measure widths in log budget, so that each doubling counts the same.
        level: coverage aimed at, at each budget and for the area.

    Raises:
        ValueError: when the shapes do not fit or the budgets do not ascend.
    """
    at, table = np.asarray(budgets, np.float64), np.asarray(scores, np.float64)
    if at.ndim != 1 or table.ndim != 2 or table.shape[1] != len(at) or not table.size:
        raise ValueError(f"scores must be (seeds, {at.size} budgets), got shape {table.shape}")
    if not (np.diff(at) > 0).all() or (log and at[0] <= 0):
        raise ValueError("budgets must ascend strictly, and be positive on a log axis")
    points = [mean_interval(column, level=level) for column in table.T]
    area = mean_interval(areas(np.log(at) if log else at, table), level=level)
    low, mean, high = np.array([(p.low, p.value, p.high) for p in points]).T
    return Curve(at, mean, low, high, area)


def areas(widths: Floats, scores: Floats) -> Floats:
    """Trapezoid area under each curve over the whole width, float64 (R,).

    A single budget has no width; its area is its score.
    """
    if len(widths) == 1:
        return scores[:, 0]
    middle = (scores[:, 1:] + scores[:, :-1]) / 2
    return np.asarray(middle @ np.diff(widths) / (widths[-1] - widths[0]))
