"""The jaco arm of URLB."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from leapbench.envs.dm_control.adapter import DmControlEnv
from leapbench.envs.dm_control.backend import load
from leapbench.envs.urlb.dmc.shaping import within
from leapbench.envs.urlb.dmc.tasks import chosen, nothing

RADIUS = 0.05  # m, of the target around the brick, and of the margin around that
CORNER = 0.09  # m, of the brick from the centre, in x and in y
RESTING = 0.001  # m, height that the brick settles from
STEP = 0.04  # s, of one action
HORIZON = 250  # actions of an episode, 10 s

Point = tuple[float, float, float]
BRICKS: dict[str, Point] = {
    "reach-top-left": (-CORNER, CORNER, RESTING),
    "reach-top-right": (CORNER, CORNER, RESTING),
    "reach-bottom-left": (-CORNER, -CORNER, RESTING),
    "reach-bottom-right": (CORNER, -CORNER, RESTING),
}
UNTASKED = "reach-top-left"


class Extent(NamedTuple):
    """Two corners of a box, metres."""

    lower: Point
    upper: Point


class Workspace(NamedTuple):
    """Where a `Reach` task of dm_control puts brick, hand and arm, metres."""

    target_bbox: Extent
    tcp_bbox: Extent
    arm_offset: Point


HAND = Extent((-0.1, -0.1, 0.2), (0.1, 0.1, 0.4))


class JacoEnv(DmControlEnv):
    """An arm with three fingers: reach a brick in one of four corners.

    ## Description

    The Kinova Jaco arm of dm_control's manipulation tasks above a table, and a
    Duplo brick in a corner of a square of 18 cm. The arm is to bring the point
    between its fingers to the brick. The domain is one of the three of URLB (arXiv
    2110.15191), on which MOSS (arXiv 2210.06702) was measured. MuJoCo has changed
    since, so returns are near the published ones and not equal to them.

    ## Action Space

    `Box(-1, 1, (9,), float32)`: velocity / largest velocity of the six joints of
    the arm, then of the three fingers.

    ## Observation Space

    `Box(-inf, inf, (55,), dtype)`. The task is not part of it; the brick is, as
    the thing in the world that it is.

    | place | entry                               | meaning                          |
    |-------|-------------------------------------|----------------------------------|
    | 0-11  | `jaco_arm/joints_pos`               | sin, cos of the six joints       |
    | 12-17 | `jaco_arm/joints_torque`            | sign(t) log(1 + abs(t)), t in N m |
    | 18-23 | `jaco_arm/joints_vel`               | rad/s                            |
    | 24-26 | `jaco_arm/jaco_hand/joints_pos`     | of the fingers, rad              |
    | 27-29 | `jaco_arm/jaco_hand/joints_vel`     | rad/s                            |
    | 30-32 | `jaco_arm/jaco_hand/pinch_site_pos` | point between the fingers, m     |
    | 33-41 | `jaco_arm/jaco_hand/pinch_site_rmat` | its rotation matrix             |
    | 42-47 | `duplo2x4/angular_velocity`, `linear_velocity` | of the brick, rad/s, m/s |
    | 48-51 | `duplo2x4/orientation`              | its quaternion                   |
    | 52-54 | `duplo2x4/position`                 | m                                |

    ## Rewards

    In [0, 1]: 1 within 5 cm of the brick's centre; beyond, half a Gaussian that is
    0.1 at 10 cm. Without a task always 0.

    ## Starting State

    The hand points down from a place that is uniform in a box 20 to 40 cm above the
    table, its fingers closed by a uniform share. The brick lies in its corner,
    turned at random. The seed fixes hand and turn, whatever the task.

    ## Episode End

    Truncated after 250 steps of 0.04 s, never terminated. `info` is empty.

    ## Arguments

    * `task`: "reach-top-left", "reach-top-right", "reach-bottom-left", "reach-bottom-
      right", or None for no reward; that of the id without a task is "reach-top-left".
      Without a task the brick lies top left, as in URLB's pre-training.
    * `frames`, `dtype`, `render_mode`: see `DmControlEnv`. Pictures are
      uint8 (240, 320, 3).

    Wrong arguments, and a missing dm_control, raise `leapbench.errors.UserError`.

    ## Version History

    * v0: first version.
    """

    def __init__(
        self,
        task: str | None = None,
        frames: int = 1,
        dtype: str = "float32",
        render_mode: str | None = None,
    ) -> None:
        place = chosen(BRICKS, task, BRICKS[UNTASKED])
        build = partial(built, place, task is not None)
        super().__init__(build, HORIZON, frames, dtype, render_mode, camera="front_close")


def built(place: Point, rewarded: bool, random: np.random.RandomState) -> Any:
    """The environment of dm_control with the brick at a place, metres."""
    world, hand, brick = scene(place)
    world.get_reward = partial(reach, hand=hand, brick=brick) if rewarded else nothing
    environment = load("dm_control.composer").Environment(
        world,
        random_state=random,
        strip_singleton_obs_buffer_dim=True,
        recompile_mjcf_every_episode=False,
    )
    # No episode changes the model, so it is compiled once. The reset that does it
    # draws a number more than later ones, and would start the seed's other episode.
    environment.reset()
    return environment


def reach(physics: Any, hand: Any, brick: Any) -> float:
    """tol(d; 0.05, 0.05), of the distance d between two elements of the model."""
    between = physics.bind(hand).xpos - physics.bind(brick).xpos
    return within(float(np.linalg.norm(between)), RADIUS, RADIUS)


def scene(place: Point) -> tuple[Any, Any, Any]:
    """dm_control's `Reach` with a brick at a place, metres.

    Returns:
        The task, and the elements of the point between the fingers and of the brick.
    """
    parts, shared = load("dm_control.entities.props"), "dm_control.manipulation.shared"
    views, robots = load(f"{shared}.observations"), load(f"{shared}.robots")
    seen = views.PERFECT_FEATURES
    options = views.make_options(seen, views.FREEPROP_OBSERVABLES)
    brick, hand = parts.Duplo(observable_options=options), robots.make_hand(seen)
    task = load("dm_control.manipulation.reach").Reach(
        arena=load(f"{shared}.arenas").Standard(),
        arm=robots.make_arm(seen),
        hand=hand,
        prop=brick,
        obs_settings=seen,
        workspace=Workspace(Extent(place, place), HAND, robots.ARM_OFFSET),
        control_timestep=STEP,
    )
    frame = load("dm_control.mjcf").get_attachment_frame(brick.mjcf_model)
    return task, hand.tool_center_point, frame
