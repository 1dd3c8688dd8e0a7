"""The planar walker of URLB."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from leapbench.envs.dm_control.backend import load
from leapbench.envs.urlb.dmc.shaping import above, at_least
from leapbench.envs.urlb.dmc.suite import SuiteEnv
from leapbench.envs.urlb.dmc.tasks import Reward, nothing

HEIGHT = 1.2  # m, of the torso that stands
WALK, RUN = 1.0, 8.0  # m/s, forward
SPIN = 5.0  # kg m²/s, angular momentum about the y-axis
STEP = 0.025  # s, of one action


def stand(physics: Any) -> float:
    """[3 tol(h; 1.2, 0.6) + (1 + u) / 2] / 4, of the torso's height h and upright part u."""
    high = above(float(physics.torso_height()), HEIGHT, HEIGHT / 2)
    return (3 * high + (1 + float(physics.torso_upright())) / 2) / 4


def move(physics: Any, speed: float) -> float:
    """Stand (5 tol(v; speed, speed / 2, 0.5) + 1) / 6, of the velocity v of the mass."""
    velocity = float(physics.horizontal_velocity())
    return stand(physics) * (5 * at_least(velocity, speed, speed / 2, 0.5) + 1) / 6


def flip(physics: Any) -> float:
    """Stand (5 clip(L / 5, 0, 1) + 1) / 6, of the angular momentum L about y, forward."""
    momentum = float(physics.named.data.subtree_angmom["torso", "y"])
    return stand(physics) * (5 * at_least(momentum, SPIN, SPIN, 0.0) + 1) / 6


TASKS: dict[str, Reward] = {
    "stand": stand,
    "walk": partial(move, speed=WALK),
    "run": partial(move, speed=RUN),
    "flip": flip,
}


class WalkerEnv(SuiteEnv):
    """A planar walker on two legs: stand, walk, run or turn somersaults.

    ## Description

    The walker of dm_control's suite moves in the x-z plane: a torso, and two legs
    of thigh, shank and foot. The domain is one of the three of URLB (arXiv
    2110.15191), on which MOSS (arXiv 2210.06702) was measured: first much
    experience without a task, then little with one. MuJoCo has changed since, so
    returns are near the published ones and not equal to them.

    ## Action Space

    `Box(-1, 1, (6,), float32)`: torque / largest torque of right hip, knee and
    ankle, then left.

    ## Observation Space

    `Box(-inf, inf, (24,), dtype)`. The task is not part of it, nor where the
    walker is.

    | place | entry          | meaning                                              |
    |-------|----------------|------------------------------------------------------|
    | 0-13  | `orientations` | xx, xz of the rotation matrix of each of 7 bodies    |
    | 14    | `height`       | of the torso, m                                      |
    | 15-23 | `velocity`     | of z and x, m/s; of pitch and the six joints, rad/s  |

    ## Rewards

    In [0, 1]. `stand`: upright at a height of 1.2 m. `walk` and `run`: standing,
    and moving forward at 1 and 8 m/s. `flip`: standing, and turning forward with an
    angular momentum of 5 kg m²/s. Without a task always 0. The functions of this
    module are the equations; the first three tasks are the suite's own.

    ## Starting State

    Joints uniform in their ranges, pitch uniform, height of the torso 1.3 m, at
    rest. The seed fixes it, whatever the task.

    ## Episode End

    Truncated after 1000 steps of 0.025 s, never terminated. `info` is empty.

    ## Arguments

    * `task`: "stand", "walk", "run", "flip", or None for no reward; that of the id
      without a task is "walk".
    * `frames`, `dtype`, `render_mode`: see `DmControlEnv`. Pictures are
      uint8 (240, 320, 3).

    Wrong arguments, and a missing dm_control, raise `leapbench.errors.UserError`.

    ## Version History

    * v0: first version.
    """

    tasks, timestep, view = TASKS, STEP, "side"

    @staticmethod
    def parts(task: str | None, target: Any, random: np.random.RandomState) -> tuple[Any, Any]:
        """See `SuiteEnv.parts`."""
        suite = load("dm_control.suite.walker")
        physics = suite.Physics.from_xml_string(*suite.get_model_and_assets())
        world = suite.PlanarWalker(move_speed=0, random=random)
        world.get_reward = target or nothing
        return physics, world
