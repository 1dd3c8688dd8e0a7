"""Any world of dm_control seen through a camera."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from leapbench.envs.dm_control.adapter import DmControlEnv
from leapbench.envs.timed import Timed
from leapbench.errors import UserError

if TYPE_CHECKING:
    from leapbench.envs.dm_control.drawing import Painter

Pixels = NDArray[np.uint8]


class CameraEnv(Timed, gym.Env[Pixels, Any]):  # type: ignore[misc]
    """A world whose observations are its last pictures.

    Observations are `Box(0, 255, (3 * stack, size, size), uint8)`: the last `stack`
    pictures, the oldest first, each of red, green and blue. An episode begins with copies
    of its first picture. Actions, rewards and episodes are the world's. Shadows and
    reflections are not drawn.

    Args:
        world: what is seen.
        camera: name or number of the camera that is looked through.
        size: pixels on a side, from 1 on.
        stack: pictures in an observation, from 1 on.

    Attributes:
        world: see above.

    Raises:
        UserError: for wrong arguments; also by the first `reset`, where there is no OpenGL.
    """

    def __init__(
        self, world: DmControlEnv, camera: str | int = 0, size: int = 84, stack: int = 3
    ) -> None:
        for name, value in (("size", size), ("stack", stack)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise UserError(f"{name} must be an integer from 1 on, got {value!r}.")
        self.world, self._camera = world, camera
        self.metadata, self.render_mode = world.metadata, world.render_mode
        self.action_space = world.action_space
        self.observation_space = gym.spaces.Box(0, 255, (3 * stack, size, size), np.uint8)
        self._size, self._stack = size, stack
        self._pictures: deque[Pixels] = deque(maxlen=stack)
        self._painter: Painter | None = None

    @property
    def physics(self) -> Any:
        """dm_control's `Physics` of the world."""
        return self.world.physics

    @property
    def longest(self) -> int | None:
        """Steps of an episode."""
        return self.world.longest

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
        from leapbench.envs.dm_control.drawing import Painter

        model, data = self.world.physics.model.ptr, self.world.physics.data.ptr
        if self._painter is None or self._painter.model is not model:
            if self._painter is not None:
                self._painter.close()
            self._painter = Painter(model, self._size, self._size)
        return self._painter.draw(data, self._camera).transpose(2, 0, 1)
