"""Any dm_control environment as a Gymnasium environment."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

from leapbench.errors import UserError

if TYPE_CHECKING:
    from leapbench.envs.urlb.dmc.drawing import Painter

Floats = NDArray[np.floating[Any]]
Build = Callable[[np.random.RandomState], Any]
HUGE = 1e12
"""No action comes near its square; MuJoCo refuses controls from 1e10 on."""


class DmControlEnv(gym.Env[Floats, Floats]):
    """A `dm_env.Environment` of dm_control's suite or composer with flat arrays.

    Observations are the entries of dm_control's dictionary in its order, each
    raveled, one after the other, as a new array `Box(-inf, inf, (d,), dtype)`;
    `entries` names their places. Actions are `Box(-1, 1, (m,), float32)` and mapped
    linearly to the actuators' ranges, beyond which MuJoCo clips. The reward is
    dm_control's, summed over the `frames`.

    An episode that reaches its time limit is truncated. It is terminated only where
    dm_control ends it with discount 0. `info` is empty.

    Every reset draws the seed of dm_control's random numbers from `np_random`, so
    that `reset(seed=s)` fixes the episode and all that follow it.

    Args:
        build: makes the environment from the `RandomState` it is to draw from.
        horizon: frames of an episode; None leaves the limit to dm_control.
        frames: dm_control steps for each step here, "action repeat", from 1 on.
        dtype: "float32" or "float64", of observations.
        render_mode: None or "rgb_array" (uint8 (240, 320, 3)).
        camera: name or number of the camera to draw from.

    Attributes:
        world: the `dm_env.Environment`; `physics` is its simulation.
        entries: slice of the observation for each name of dm_control's.
        horizon: see above.

    Raises:
        UserError: for wrong arguments, or when dm_control is missing.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 50}

    def __init__(
        self,
        build: Build,
        horizon: int | None = None,
        frames: int = 1,
        dtype: str = "float32",
        render_mode: str | None = None,
        camera: str | int = 0,
    ) -> None:
        if isinstance(frames, bool) or not isinstance(frames, int) or frames < 1:
            raise UserError(f"frames must be an integer from 1 on, got {frames!r}.")
        if dtype not in ("float32", "float64"):
            raise UserError(f"dtype must be 'float32' or 'float64', got {dtype!r}.")
        if render_mode not in (None, "rgb_array"):
            raise UserError(f"render_mode must be None or 'rgb_array', got {render_mode!r}.")
        from leapbench.envs.urlb.dmc.backend import load

        self._last = load("dm_env").StepType.LAST
        self._random = np.random.RandomState(0)
        self.world = build(self._random)
        self.horizon, self.frames, self.render_mode = horizon, frames, render_mode
        self._camera = camera
        self._painter: Painter | None = None
        rate = 1 / (self.world.control_timestep() * frames)
        self.metadata = {**self.metadata, "render_fps": max(1, round(rate))}
        self._prepare_observations(dtype)
        self._prepare_actions()
        self._over = True

    @property
    def physics(self) -> Any:
        """The simulation, a `dm_control.mujoco.Physics`."""
        return self.world.physics

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Floats, dict[str, Any]]:
        """Start an episode.

        Args:
            seed: seeds the random numbers; None goes on with them.
            options: none are known.

        Returns:
            The observation and an empty info.
        """
        super().reset(seed=seed)
        self._random.seed(self.np_random.integers(2**32, size=4, dtype=np.uint32))
        self._frame, self._over = 0, False
        return self._flat(self.world.reset().observation), {}

    def step(self, action: Floats) -> tuple[Floats, float, bool, bool, dict[str, Any]]:
        """Apply one action for `frames` steps of dm_control, or to the episode's end.

        Raises:
            UserError: for what is no action; the episode has not moved.
            ResetNeeded: when the episode is over.
        """
        if self._over:
            raise ResetNeeded("The episode is over: call `reset` before `step`.")
        control = self._control(action)
        total = 0.0
        for _ in range(self.frames):
            kind, reward, discount, observation = self.world.step(control)
            total += reward
            self._frame += 1
            if kind is self._last or self._frame == self.horizon:
                self._over = True
                terminated = kind is self._last and discount == 0
                return self._flat(observation), float(total), terminated, not terminated, {}
        return self._flat(observation), float(total), False, False, {}

    def render(self) -> NDArray[np.uint8] | None:
        """Picture of the world as it is, uint8 (240, 320, 3); None without a render mode.

        Raises:
            UserError: when there is no OpenGL to draw with.
        """
        if self.render_mode is None:
            return None
        from leapbench.envs.urlb.dmc.drawing import Painter

        model, data = self.physics.model.ptr, self.physics.data.ptr
        if self._painter is None or self._painter.model is not model:
            self._close_painter()
            self._painter = Painter(model)
        return self._painter.draw(data, self._camera)

    def close(self) -> None:
        """Free what drawing has taken."""
        self._close_painter()

    def _close_painter(self) -> None:
        if self._painter is not None:
            self._painter.close()
            self._painter = None

    def _prepare_observations(self, dtype: str) -> None:
        """One buffer with a view for each entry, and where the entries are."""
        spec = self.world.observation_spec()
        sizes = [int(np.prod(each.shape)) for each in spec.values()]
        ends = np.cumsum(sizes).tolist()
        self._buffer = np.zeros(ends[-1], dtype)
        self.entries = {
            name: slice(end - size, end) for name, end, size in zip(spec, ends, sizes, strict=True)
        }
        self._views = [
            self._buffer[place].reshape(spec[name].shape) for name, place in self.entries.items()
        ]
        self.observation_space = gym.spaces.Box(
            -np.inf, np.inf, self._buffer.shape, self._buffer.dtype.type
        )

    def _prepare_actions(self) -> None:
        """The linear map to the actuators' ranges, None where it changes nothing."""
        spec = self.world.action_spec()
        half = (spec.maximum - spec.minimum) / 2
        middle = (spec.maximum + spec.minimum) / 2
        self._shape = spec.shape
        same = bool((half == 1).all() and (middle == 0).all())
        self._map = None if same else (half, middle)
        self.action_space = gym.spaces.Box(-1, 1, spec.shape, np.float32)

    def _control(self, action: Floats) -> Floats:
        """What the actuators are told."""
        try:
            given = np.asarray(action)
        except ValueError:
            raise self._no_action(action) from None
        if given.shape != self._shape or given.dtype.kind not in "fiu":
            raise self._no_action(action)
        # One product finds NaN, infinities and what MuJoCo would stumble over.
        if not given.dot(given) < HUGE:
            raise self._no_action(action)
        if self._map is None:
            return given
        half, middle = self._map
        control: Floats = half * given + middle
        return control

    def _no_action(self, action: Any) -> UserError:
        got = " ".join(repr(action).split())
        return UserError(f"An action is {self._shape[0]} finite numbers from -1 to 1, got {got}.")

    def _flat(self, observation: dict[str, Any]) -> Floats:
        """The entries as one new array."""
        for view, value in zip(self._views, observation.values(), strict=True):
            view[...] = value
        return self._buffer.copy()
