"""Four places of a plane to be at, for the domains that have them as tasks."""

from __future__ import annotations

from math import hypot
from typing import Any, NamedTuple


class Point(NamedTuple):
    """A place on the ground, m."""

    x: float
    y: float


def corners(distance: float) -> dict[str, Point]:
    """The corners of a square about the origin, by name.

    Args:
        distance: of each from both axes, m.
    """
    return {
        "top-left": Point(-distance, distance),
        "top-right": Point(distance, distance),
        "bottom-left": Point(-distance, -distance),
        "bottom-right": Point(distance, -distance),
    }


def distance(physics: Any, geom: str, goal: Point) -> float:
    """From the middle of a geom to the goal, m."""
    x, y, _ = physics.named.data.geom_xpos[geom]
    return hypot(float(x) - goal.x, float(y) - goal.y)


def mark(physics: Any, goal: Point | None, radius: float) -> None:
    """Draw the model's `target` at the goal, and not at all without one."""
    model = physics.named.model
    model.geom_size["target", 0] = radius
    if goal is None:
        model.geom_rgba["target"] = 0
    else:
        model.geom_pos["target", :2] = goal
