"""A task of dm_control's suite, from pictures."""

from __future__ import annotations

from typing import Any

import numpy as np

from leapbench.envs.dm_control.pixels import CameraEnv, Pixels
from leapbench.envs.dmc.env import DMCEnv


class DMCPixelsEnv(CameraEnv):
    """`DMCEnv` seen through a camera, as CURL and its kin have it.

    ## Observation Space

    `Box(0, 255, (9, 84, 84), uint8)`: the last three pictures of camera 0, the oldest
    first, each of red, green and blue; an episode begins with copies of its first.
    CURL draws 100 x 100 and crops; the pictures here are drawn at 84 x 84, without
    shadows and reflections, which take most of the time on a CPU.

    Actions, rewards and episodes are those of `DMCEnv`, whose arguments are `domain`,
    `task`, `frames` and `render_mode` too. `size` and `stack` are pixels on a side and
    pictures.

    Wrong arguments and a missing dm_control raise `leapbench.errors.UserError`, as does
    the first reset where there is no OpenGL.

    ## Version History

    * v0: first version.
    """

    metadata: dict[str, Any] = DMCEnv.metadata

    def __init__(
        self,
        domain: str = "cartpole",
        task: str = "swingup",
        frames: int | None = None,
        size: int = 84,
        stack: int = 3,
        render_mode: str | None = None,
    ) -> None:
        world = DMCEnv(domain, task, frames, render_mode=render_mode)
        super().__init__(world, 0, size, stack)

    def render(self) -> Pixels | None:
        """Picture of the task and of what is observed, uint8 (400, 640, 3)."""
        seen = np.concatenate(self._pictures) if self._pictures else None
        world: DMCEnv = self.world  # type: ignore[assignment]
        return world.pictured(seen)
