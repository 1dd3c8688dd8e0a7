"""An arm of two links with four places to reach."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from leapbench.envs.dm_control.backend import load
from leapbench.envs.urlb.dmc.goals import Point, corners, distance, mark
from leapbench.envs.urlb.dmc.suite import SuiteEnv
from leapbench.envs.urlb.dmc.tasks import nothing

GOALS = corners(0.12)
TARGET, FINGER = 0.05, 0.01  # m, radii
STEP = 0.02  # s, of one action


def reach(physics: Any, goal: Point) -> float:
    """1 where finger and target touch, which is up to 0.06 m apart, else 0."""
    return float(distance(physics, "finger", goal) <= TARGET + FINGER)


class ReacherEnv(SuiteEnv):
    """An arm of two links in a plane: hold its end at one of four places.

    ## Description

    The reacher of dm_control's suite, a shoulder and a wrist without gravity; where
    the suite draws a place for each episode and shows it, there are four that stay
    and are not shown. Not a domain of URLB (arXiv 2110.15191), but of its kind, and
    learned in minutes.

    ## Action Space

    `Box(-1, 1, (2,), float32)`: torque of shoulder and wrist / 0.05 N m.

    ## Observation Space

    `Box(-inf, inf, (4,), dtype)`. The goal is not part of it.

    | place | entry      | meaning                                                  |
    |-------|------------|----------------------------------------------------------|
    | 0-1   | `position` | angles of shoulder and wrist, rad; the shoulder's grows on |
    | 2-3   | `velocity` | of them, rad/s                                           |

    ## Rewards

    1 where the end of the arm is at most 0.06 m from the goal, else 0, as in the
    suite's `easy`. The goals are (±0.12, ±0.12) m, 0.17 m from the shoulder, and the
    arm is 0.24 m long. Without a task always 0.

    ## Starting State

    Any angle of the shoulder, any of the wrist within its range of ±160°, with equal
    probability; at rest. The seed fixes it, whatever the task.

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
        suite = load("dm_control.suite.reacher")
        physics = suite.Physics.from_xml_string(*suite.get_model_and_assets())
        world = suite.Reacher(target_size=TARGET, random=random)
        world.initialize_episode = partial(begin, world, target)
        world.get_observation = observed
        world.get_reward = partial(reach, goal=target) if target else nothing
        return physics, world


def begin(world: Any, goal: Point | None, physics: Any) -> None:
    """Start an episode of the suite's task, and put its target at the goal."""
    type(world).initialize_episode(world, physics)  # which puts the target where it likes
    mark(physics, goal, TARGET)


def observed(physics: Any) -> dict[str, Any]:
    """The suite's observation without the way to the target."""
    return {"position": physics.position(), "velocity": physics.velocity()}
