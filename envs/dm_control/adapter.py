"""Any dm_control environment as a Gymnasium environment."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

from leapbench.envs.dm_control import copying
from leapbench.envs.dm_control.backend import load
from leapbench.envs.dm_control.stepping import Direct, Whole, stepper
from leapbench.envs.refusals import begun, drawable, no_options, reals
from leapbench.envs.timed import Timed
from leapbench.errors import UserError

if TYPE_CHECKING:
    from leapbench.envs.dm_control.drawing import Painter

Floats = NDArray[np.floating[Any]]
Build = Callable[[np.random.RandomState], Any]


class DmControlEnv(Timed, gym.Env[Floats, Floats]):  # type: ignore[misc]
    """A `dm_env.Environment` of dm_control's suite or composer with flat arrays.

    Observations are the entries of dm_control's dictionary in its order, each
    raveled, one after the other, as a new array `Box(-inf, inf, (d,), dtype)`;
    `entries` names their places. Actions are `Box(-1, 1, (m,), float32)` and mapped
    linearly to the actuators' ranges. The reward is
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
        self.render_mode = drawable(render_mode)
        load("dm_env")
        self._random = np.random.RandomState(0)
        self.world = build(self._random)
        composed = copying.composed(self.world)
        self._replay = copying.ComposerState(build, None, []) if composed else None
        self._stepper: Direct | Whole = stepper(self.world)
        self.horizon, self.frames = horizon, frames
        self._camera = camera
        self._painter: Painter | None = None
        rate = 1 / (self.world.control_timestep() * frames)
        self.metadata = {**self.metadata, "render_fps": max(1, round(rate))}
        self._prepare_observations(dtype)
        self._prepare_actions()
        self._over, self._started = True, False

    @property
    def physics(self) -> Any:
        """The simulation, a `dm_control.mujoco.Physics`."""
        return self.world.physics

    @property
    def longest(self) -> int | None:
        """Steps of an episode, each of `frames`; None where dm_control sets no limit."""
        limit = self.horizon or self._stepper.limit
        return None if limit is None else -(-limit // self.frames)

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
        no_options(options)
        super().reset(seed=seed)
        start = self.np_random.integers(2**32, size=4, dtype=np.uint32)
        self._random.seed(start)
        if self._replay is not None:
            self._replay = copying.ComposerState(self._replay.build, start, [])
        self._frame, self._over, self._started = 0, False, True
        return self._flat(self._stepper.reset()), {}

    def step(self, action: Floats) -> tuple[Floats, float, bool, bool, dict[str, Any]]:
        """Apply one action for `frames` steps of dm_control, or to the episode's end.

        Raises:
            InvalidAction: for what is no action; the episode has not moved.
            ResetNeeded: when the episode is over.
        """
        if self._over:
            raise ResetNeeded("The episode is over: call `reset` before `step`.")
        control, total = self._control(action), 0.0
        discount = None
        for _ in range(self.frames):
            reward, discount = self._stepper.step(control)
            total += reward
            self._frame += 1
            if self._replay is not None:
                self._replay.controls.append(np.array(control))
            if discount is not None or self._frame == self.horizon:
                self._over = True
                break
        terminated = discount is not None and discount == 0
        observation = self._flat(self._stepper.observe())
        return observation, float(total), terminated, self._over and not terminated, {}

    def render(self) -> NDArray[np.uint8] | None:
        """Picture of the world as it is, uint8 (240, 320, 3); None without a render mode.

        Raises:
            UserError: when there is no OpenGL to draw with.
            ResetNeeded: before the first `reset`.
        """
        if self.render_mode is None:
            return None
        begun(self._started)
        from leapbench.envs.dm_control.drawing import Painter

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

    def __reduce__(self) -> tuple[Any, ...]:
        """An equal, independent environment, without what drawing has taken."""
        state = self.__dict__ | {"_painter": None, "_data": copying.simulation(self.world)}
        if self._replay is not None:
            state |= {"world": None, "_stepper": None}
        return copying.blank, (type(self),), state

    def __setstate__(self, state: dict[str, Any]) -> None:
        data = state.pop("_data")
        self.__dict__.update(state)
        if self._replay is not None:
            self.world = self._replay.world(self._random)
            self._stepper = stepper(self.world)
        copying.take_over(self.world, data)

    def _prepare_observations(self, dtype: str) -> None:
        """Where the entries are, and whether they have to be raveled."""
        spec = self.world.observation_spec()
        sizes = [int(np.prod(each.shape)) for each in spec.values()]
        ends = np.cumsum(sizes).tolist()
        self.entries = {
            name: slice(end - size, end) for name, end, size in zip(spec, ends, sizes, strict=True)
        }
        shaped = (len(each.shape) > 1 for each in spec.values())
        self._places = [
            (*one, more) for one, more in zip(self.entries.items(), shaped, strict=True)
        ]
        self._size, self._dtype = ends[-1], np.dtype(dtype)
        self.observation_space = gym.spaces.Box(-np.inf, np.inf, (self._size,), self._dtype.type)

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
        """Control signals of the actuators."""
        given = reals(action, self._shape)
        if self._map is None:
            return given
        half, middle = self._map
        control: Floats = half * given + middle
        return control

    def _flat(self, observation: dict[str, Any]) -> Floats:
        """The entries as one new array."""
        flat = np.empty(self._size, self._dtype)
        for name, place, shaped in self._places:
            flat[place] = np.ravel(observation[name]) if shaped else observation[name]
        return flat
