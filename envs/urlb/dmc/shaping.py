"""The two shapes of reward that the tasks are made of, for single numbers.

They equal `dm_control.utils.rewards.tolerance` with an upper bound at infinity
and a lower bound at zero, respectively, at a tenth of its time.
"""

from __future__ import annotations

import math
from typing import Any

LN10 = math.log(10)


def at_least(x: float, goal: float, margin: float, at_margin: float) -> float:
    """1 from `goal` on; below it a line that has the value `at_margin` at goal - margin.

    Args:
        x: what is measured.
        goal: from where on it is good enough, in the unit of x.
        margin: a distance below the goal, above 0.
        at_margin: value there, in [0, 1); the line ends where it meets 0.

    Returns:
        A number in [0, 1].
    """
    if x >= goal:
        return 1.0
    return max(0.0, 1 - (1 - at_margin) * (goal - x) / margin)


def above(x: float, goal: float, margin: float) -> float:
    """1 from `goal` on; below it half a Gaussian that has the value 0.1 at goal - margin.

    Returns:
        A number in (0, 1].
    """
    return within(goal - x, 0.0, margin)


def within(distance: float, radius: float, margin: float) -> float:
    """1 up to `radius`; beyond it half a Gaussian, 0.1 at radius + margin.

    Returns:
        A number in [0, 1].
    """
    beyond = max(0.0, distance - radius) / margin
    return math.exp(-LN10 * beyond * beyond)


def gentle(controls: Any) -> float:
    """(4 + mean of max(0, 1 - u²)) / 5 over controls u, float (m,): in [0.8, 1]."""
    each: list[float] = controls.tolist()
    return (4 + sum(max(0.0, 1 - u * u) for u in each) / len(each)) / 5
