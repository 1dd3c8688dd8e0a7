"""What the domains share: the choice of a task by name, and no task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from leapbench.errors import unknown

Reward = Callable[[Any], float]
"""From a simulation, `dm_control.mujoco.Physics`, to the reward of a step."""
T = TypeVar("T")


def chosen(tasks: Mapping[str, T], name: str | None, otherwise: T) -> T:
    """What belongs to a task, or `otherwise` without one.

    Raises:
        UserError: for a name that is not among `tasks`.
    """
    if name is None:
        return otherwise
    if name not in tasks:
        raise unknown("task", str(name), tasks)
    return tasks[name]


def nothing(physics: Any) -> float:
    """The reward without a task, 0."""
    return 0.0
