"""Below the resolution of the numbers nothing is claimed, and above it something may be."""

from __future__ import annotations

import math

import numpy as np
import pytest

from leapbench.contract.task import Metric
from leapbench.leaderboards import statistics as stats
from leapbench.leaderboards.statistics.interval import difference

ROUNDED = {
    "0.1 + 0.2": (0.1 + 0.2, 0.3),
    "5.6e-17": (0.5 + 5.6e-17, 0.5),
    "one step up": (math.nextafter(0.7, 1), 0.7),
    "one step down": (math.nextafter(0.7, 0), 0.7),
    "order of a sum": (sum([0.1] * 10), 1.0),
    "pairwise and not": (float(np.sum(np.full(1000, 0.1))), math.fsum([0.1] * 1000)),
    "division and product": (49 * (1 / 49), 1.0),
    "about nothing": (1e-17, -1e-17),
    "thousands": (1e5 / 3 * 3 + 1e-11, 1e5),
    "negative": (-0.1 - 0.2, -0.3),
    "millions": (1e6 * 1.1, 1.1e6 + 2e-10),
    "a mean": (float(np.mean([0.9] * 7)), 0.9),
}
APART = ((0.5 + 1e-12, 0.5), (0.5, 0.5 + 1e-9), (1e6 + 1e-6, 1e6), (1e-9, 0.0), (-0.3, -0.300001))


@pytest.mark.parametrize("name", ROUNDED)
def test_rounding_is_no_difference_whatever_made_it(name: str) -> None:
    ours, theirs = ROUNDED[name]
    assert float(difference(np.float64(ours), np.float64(theirs))) == 0.0
    board = {"a": dict.fromkeys(range(5), ours), "b": dict.fromkeys(range(5), theirs)}
    assert [(r.low, r.high) for r in stats.rank_intervals(board).values()] == [(1, 2)] * 2


@pytest.mark.parametrize(("ours", "theirs"), APART)
def test_what_the_numbers_hold_is_a_difference(ours: float, theirs: float) -> None:
    assert float(difference(np.float64(ours), np.float64(theirs))) == ours - theirs


SAME = ((0.3, 0.1 + 0.2), (1, 1), (0.0, -0.0), (5, 5 + 1e-16), (0.7, math.nextafter(0.7, 1)))
NONE = ((math.nan, 1), (0, math.nan), (-math.inf, 1), (0, math.inf), (math.inf, math.inf))


@pytest.mark.parametrize(("floor", "ceiling"), SAME + NONE)
def test_a_scale_without_length_is_refused_when_it_is_read(floor: float, ceiling: float) -> None:
    ends = {"floor": {"value": floor, "source": ""}, "ceiling": {"value": ceiling, "source": ""}}
    with pytest.raises(ValueError, match=r"finite number|that differ"):
        Metric(name="m", **ends)
