"""The quadruped of URLB."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from leapbench.envs.dm_control.backend import load
from leapbench.envs.urlb.dmc.shaping import at_least
from leapbench.envs.urlb.dmc.suite import SuiteEnv
from leapbench.envs.urlb.dmc.tasks import Reward, nothing

WALK, RUN = 0.5, 5.0  # m/s, forward in the torso's own frame
JUMP = 1.0  # m, height of the centre of mass
STEP = 0.02  # s, of one action
FLOOR, LONG_FLOOR = 10, 100  # m, half the side of what is drawn; contacts have no end


def stand(physics: Any) -> float:
    """(1 + u) / 2, of the part u of the torso's z-axis that points up."""
    return (1 + float(physics.torso_upright())) / 2


def move(physics: Any, speed: float) -> float:
    """Stand tol(v; speed, speed, 0.5), of the velocity v; standing still has half."""
    return stand(physics) * at_least(float(physics.torso_velocity()[0]), speed, speed, 0.5)


def jump(physics: Any) -> float:
    """Stand tol(z; 1, 1, 0.5), of the height z of the centre of mass."""
    height = float(physics.named.data.sensordata["center_of_mass"][2])
    return stand(physics) * at_least(height, JUMP, JUMP, 0.5)


TASKS: dict[str, Reward] = {
    "stand": stand,
    "walk": partial(move, speed=WALK),
    "run": partial(move, speed=RUN),
    "jump": jump,
}


class QuadrupedEnv(SuiteEnv):
    """A robot on four legs: stand, walk, run or jump.

    ## Description

    The quadruped of dm_control's suite on a plane: a torso and four legs of three
    joints, which tendons move. It has to get up first. The domain is one of the
    three of URLB (arXiv 2110.15191), and the one in which MOSS (arXiv 2210.06702)
    reports its gain. MuJoCo has changed since, so returns are near the published
    ones and not equal to them.

    ## Action Space

    `Box(-1, 1, (12,), float32)`: for each leg (front left, front right, back right,
    back left) yaw, lift and extend, from the least to the greatest set point.

    ## Observation Space

    `Box(-inf, inf, (78,), dtype)`. The task is not part of it, nor where the
    quadruped is and which way it faces.

    | place | entry              | meaning                                         |
    |-------|--------------------|-------------------------------------------------|
    | 0-15  | `egocentric_state` | angles of the 16 joints, rad                    |
    | 16-31 |                    | their velocities, rad/s                         |
    | 32-43 |                    | states of the 12 actuators                      |
    | 44-46 | `torso_velocity`   | in the torso's frame, m/s                       |
    | 47    | `torso_upright`    | part of the torso's z-axis that points up       |
    | 48-53 | `imu`              | acceleration, m/s², and rotation, rad/s         |
    | 54-77 | `force_torque`     | arcsinh of the forces, N, and torques, N m, at the toes |

    ## Rewards

    In [0, 1]. `stand`: the torso is level, 0.5 on its side, 0 on its back. `walk`
    and `run`: standing, and moving forward at 0.5 and 5 m/s. `jump`: standing, and
    the centre of mass 1 m high. Standing still earns half of what moving does, so a
    return far above 0 is no achievement. Without a task always 0. The functions of
    this module are the equations; `walk` and `run` are the suite's own.

    ## Starting State

    Any orientation with equal probability, joints at 0, at the lowest height
    without a contact, in steps of 1 cm; at rest. The seed fixes it, whatever the
    task.

    ## Episode End

    Truncated after 1000 steps of 0.02 s, never terminated. `info` is empty.

    ## Arguments

    * `task`: "stand", "walk", "run", "jump", or None for no reward; that of the id
      without a task is "walk".
    * `frames`, `dtype`, `render_mode`: see `DmControlEnv`. Pictures are
      uint8 (240, 320, 3).

    Wrong arguments, and a missing dm_control, raise `leapbench.errors.UserError`.

    ## Version History

    * v0: first version.
    """

    tasks, timestep, view = TASKS, STEP, "y"

    @staticmethod
    def parts(task: str | None, target: Any, random: np.random.RandomState) -> tuple[Any, Any]:
        """See `SuiteEnv.parts`."""
        suite = load("dm_control.suite.quadruped")
        model = suite.make_model(floor_size=LONG_FLOOR if task == "run" else FLOOR)
        assets = load("dm_control.suite.common").ASSETS
        physics = suite.Physics.from_xml_string(model, assets)
        world = suite.Move(desired_speed=WALK, random=random)
        world.get_reward = target or nothing
        return physics, world
