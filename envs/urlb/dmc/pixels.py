"""The domains seen through a camera."""

from __future__ import annotations

from importlib import import_module

from leapbench.envs.dm_control.adapter import DmControlEnv
from leapbench.envs.dm_control.pixels import CameraEnv
from leapbench.errors import unknown

DOMAINS: dict[str, tuple[str, str | int]] = {
    "walker": ("WalkerEnv", 0),
    "quadruped": ("QuadrupedEnv", 2),
    "jaco": ("JacoEnv", "front_close"),
}
"""Class in the module of the same name, and the camera that URLB looks through."""


class PixelEnv(CameraEnv):
    """A domain of URLB whose observations are the last pictures, as URLB has it.

    ## Observation Space

    `Box(0, 255, (3 * stack, size, size), uint8)`; see `CameraEnv`. Nothing else is observed;
    actions, rewards and episodes are the domain's.

    ## Arguments

    * `domain`: "walker", "quadruped" or "jaco".
    * `task`: one of the domain's tasks, or None for no reward.
    * `frames`: steps of the domain for one action, 2 in URLB. Rewards are summed, so that
      an episode has 500 actions (jaco: 125) and the same largest return.
    * `size`: pixels on a side, 84 in URLB.
    * `stack`: pictures in an observation, 3 in URLB.
    * `render_mode`: see `DmControlEnv`.

    Wrong arguments and a missing dm_control raise `leapbench.errors.UserError`, as does
    the first reset where there is no OpenGL.
    """

    def __init__(
        self,
        domain: str,
        task: str | None = None,
        frames: int = 2,
        size: int = 84,
        stack: int = 3,
        render_mode: str | None = None,
    ) -> None:
        if domain not in DOMAINS:
            raise unknown("domain", str(domain), DOMAINS)
        kind, camera = DOMAINS[domain]
        domain_env = getattr(import_module(f"leapbench.envs.urlb.dmc.{domain}"), kind)
        world: DmControlEnv = domain_env(task, frames, render_mode=render_mode)
        super().__init__(world, camera, size, stack)
