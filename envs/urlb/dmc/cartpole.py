"""A pole on a cart: hold it up, or turn it round."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from leapbench.envs.dm_control.backend import load
from leapbench.envs.urlb.dmc.shaping import at_least, gentle, within
from leapbench.envs.urlb.dmc.suite import SuiteEnv
from leapbench.envs.urlb.dmc.tasks import Reward, nothing

SPIN = 10.0  # rad/s; 7.7 at the lowest point is what just gets over the highest
CENTRE = 2.0  # m, from the middle of the rail
CALM = 5.0  # rad/s
STEP = 0.01  # s, of one action


def balance(physics: Any) -> float:
    """Upright (1 + tol(x; 0, 2)) / 2 (1 + tol(w; 0, 5)) / 2 gentle(u).

    Upright is (1 + cos) / 2 of the pole's angle; x is the cart's place, w the pole's
    angular velocity, u the control.
    """
    upright = (1 + float(physics.pole_angle_cosine()[0])) / 2
    centred = (1 + within(abs(float(physics.data.qpos[0])), 0.0, CENTRE)) / 2
    calm = (1 + within(abs(float(physics.data.qvel[1])), 0.0, CALM)) / 2
    return upright * centred * calm * gentle(physics.data.ctrl)


def spin(physics: Any, sign: int) -> float:
    """Clip(w / 10, 0, 1), of the pole's angular velocity w, positive to the right."""
    return at_least(sign * float(physics.data.qvel[1]), SPIN, SPIN, 0.0)


TASKS: dict[str, Reward] = {
    "balance": balance,
    "swingup": balance,
    "spin-left": partial(spin, sign=-1),
    "spin-right": partial(spin, sign=1),
}


class CartpoleEnv(SuiteEnv):
    """A pole on a cart: balance it, swing it up, spin it left or right.

    ## Description

    The cart-pole of dm_control's suite, with two tasks more than it has there. A pole
    of 1 m and 0.1 kg turns freely on a cart of 1 kg, which a rail of 3.6 m holds. Not
    a domain of URLB (arXiv 2110.15191), but of its kind, and learned in minutes.

    ## Action Space

    `Box(-1, 1, (1,), float32)`: force on the cart / 10 N.

    ## Observation Space

    `Box(-inf, inf, (5,), dtype)`. The task is not part of it.

    | place | entry      | meaning                                                |
    |-------|------------|--------------------------------------------------------|
    | 0-2   | `position` | of the cart, m; cosine and sine of the pole's angle, 0 up |
    | 3-4   | `velocity` | of the cart, m/s; of the angle, rad/s                  |

    ## Rewards

    In [0, 1]. `balance` and `swingup`, as in the suite: upright, and in part for a
    cart in the middle, a pole at rest and a gentle force. `spin-left` and
    `spin-right`: the angular velocity, 1 from 10 rad/s on; to the right the pole's top
    goes to +x. Without a task always 0. The functions of this module are the equations.

    ## Starting State

    The pole hangs, the cart is in the middle, both within 0.01 (rad, m, standard
    deviation) and nearly at rest. For `balance` alone the pole stands, within
    0.034 rad, and the cart is within 0.1 m of the middle. The seed fixes it.

    ## Episode End

    Truncated after 1000 steps of 0.01 s, never terminated. `info` is empty.

    ## Arguments

    * `task`: "balance", "swingup", "spin-left", "spin-right", or None for no reward;
      that of the id without a task is "swingup".
    * `frames`, `dtype`, `render_mode`: see `DmControlEnv`. Pictures are
      uint8 (240, 320, 3).

    Wrong arguments, and a missing dm_control, raise `leapbench.errors.UserError`.

    ## Version History

    * v0: first version.
    """

    tasks, timestep, view = TASKS, STEP, "fixed"

    @staticmethod
    def parts(task: str | None, target: Any, random: np.random.RandomState) -> tuple[Any, Any]:
        """See `SuiteEnv.parts`."""
        suite = load("dm_control.suite.cartpole")
        physics = suite.Physics.from_xml_string(*suite.get_model_and_assets())
        world = suite.Balance(swing_up=task != "balance", sparse=False, random=random)
        world.get_reward = target or nothing
        return physics, world
