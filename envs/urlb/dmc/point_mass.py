"""A point mass with four corners to be at."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from leapbench.envs.dm_control.backend import load
from leapbench.envs.urlb.dmc.goals import Point, corners, distance, mark
from leapbench.envs.urlb.dmc.shaping import gentle, within
from leapbench.envs.urlb.dmc.suite import SuiteEnv
from leapbench.envs.urlb.dmc.tasks import nothing

GOALS = corners(0.2)
RADIUS = 0.03  # m, of a goal; twice that of the suite's
STEP = 0.02  # s, of one action


def reach(physics: Any, goal: Point) -> float:
    """Near gentle(u), of near = tol(d; 0.03, 0.03), the distance d and the controls u."""
    near = within(distance(physics, "pointmass", goal), RADIUS, RADIUS)
    return near * gentle(physics.data.ctrl)


class PointMassEnv(SuiteEnv):
    """A mass that is pushed about a square: be in one of its corners.

    ## Description

    The point mass of dm_control's suite, in a square of 0.58 m; where the suite has
    one goal in the middle there are four, near the corners. It moves slowly: in a
    medium that brakes it to 0.1 m/s. Not a domain of URLB (arXiv 2110.15191), but of
    its kind, and learned in minutes.

    ## Action Space

    `Box(-1, 1, (2,), float32)`: force along x and y, in tenths of a newton.

    ## Observation Space

    `Box(-inf, inf, (4,), dtype)`. The goal is not part of it.

    | place | entry      | meaning     |
    |-------|------------|-------------|
    | 0-1   | `position` | x and y, m  |
    | 2-3   | `velocity` | of them, m/s |

    ## Rewards

    In [0, 1]: near the goal, 1 up to 0.03 m, 0.1 at 0.06 m, times (4 + gentle) / 5,
    where gentle is 1 without force and 0 with all of it. Without a task always 0.
    `reach` and `shaping` are the equations.

    ## Starting State

    Anywhere in the square with equal probability, at rest. The seed fixes it, whatever
    the task.

    ## Episode End

    Truncated after 1000 steps of 0.02 s, never terminated. `info` is empty.

    ## Arguments

    * `task`: "top-left", "top-right", "bottom-left", "bottom-right", or None for no
      reward; that of the id without a task is "top-left".
    * `frames`, `dtype`, `render_mode`: see `DmControlEnv`. Pictures are
      uint8 (240, 320, 3).

    Wrong arguments, and a missing dm_control, raise `leapbench.errors.UserError`.

    ## Version History

    * v0: first version.
    """

    tasks, timestep, view = GOALS, STEP, "fixed"

    @staticmethod
    def parts(task: str | None, target: Any, random: np.random.RandomState) -> tuple[Any, Any]:
        """See `SuiteEnv.parts`."""
        suite = load("dm_control.suite.point_mass")
        physics = suite.Physics.from_xml_string(*suite.get_model_and_assets())
        mark(physics, target, RADIUS)
        world = suite.PointMass(randomize_gains=False, random=random)
        world.get_reward = partial(reach, goal=target) if target else nothing
        return physics, world
