"""The domains seen through a camera."""

from __future__ import annotations

from collections import deque
from importlib import import_module
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from leapbench.envs.urlb.dmc.adapter import DmControlEnv
from leapbench.envs.urlb.dmc.drawing import Painter
from leapbench.errors import UserError, unknown

DOMAINS: dict[str, tuple[str, str | int]] = {
    "walker": ("WalkerEnv", 0),
    "quadruped": ("QuadrupedEnv", 2),
    "jaco": ("JacoEnv", "front_close"),
}
"""Class in the module of the same name, and the camera that URLB looks through."""
Pixels = NDArray[np.uint8]


class PixelEnv(gym.Env[Pixels, Any]):
    """A domain of URLB whose observations are the last pictures, as URLB has it.

    ## Observation Space

    `Box(0, 255, (3 * stack, size, size), uint8)`: the last `stack` pictures, the oldest
    first, each of red, green and blue. An episode begins with copies of its first
    picture. Nothing else is observed; actions, rewards and episodes are the domain's.
    Shadows and reflections are not drawn.

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

    Attributes:
        world: the domain with states as observations.
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
        for name, value in (("size", size), ("stack", stack)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise UserError(f"{name} must be an integer from 1 on, got {value!r}.")
        kind, self._camera = DOMAINS[domain]
        module = import_module(f"leapbench.envs.urlb.dmc.{domain}")
        self.world: DmControlEnv = getattr(module, kind)(task, frames, render_mode=render_mode)
        self.metadata, self.render_mode = self.world.metadata, render_mode
        self.action_space = self.world.action_space
        self.observation_space = gym.spaces.Box(0, 255, (3 * stack, size, size), np.uint8)
        self._size, self._stack = size, stack
        self._pictures: deque[Pixels] = deque(maxlen=stack)
        self._painter: Painter | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Pixels, dict[str, Any]]:
        """See `DmControlEnv.reset`."""
        super().reset(seed=seed)
        _, info = self.world.reset(seed=seed, options=options)
        self._pictures.extend([self._drawn()] * self._stack)
        return np.concatenate(self._pictures), info

    def step(self, action: Any) -> tuple[Pixels, float, bool, bool, dict[str, Any]]:
        """See `DmControlEnv.step`."""
        _, reward, terminated, truncated, info = self.world.step(action)
        self._pictures.append(self._drawn())
        return np.concatenate(self._pictures), reward, terminated, truncated, info

    def render(self) -> Pixels | None:
        """See `DmControlEnv.render`; not what is observed."""
        return self.world.render()

    def close(self) -> None:
        """Free what drawing has taken."""
        if self._painter is not None:
            self._painter.close()
            self._painter = None
        self.world.close()

    def _drawn(self) -> Pixels:
        """The world as it is, uint8 (3, size, size)."""
        model, data = self.world.physics.model.ptr, self.world.physics.data.ptr
        if self._painter is None or self._painter.model is not model:
            if self._painter is not None:
                self._painter.close()
            self._painter = Painter(model, self._size, self._size)
        return self._painter.draw(data, self._camera).transpose(2, 0, 1)
