"""The entropy point, one episode at a time."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

from leapbench.envs.refusals import begun, drawable, no_options, reals
from leapbench.envs.timed import Timed
from leapbench.envs.urlb.point.dynamics import FASTEST, SCALE, PointWorld, observed

Observation = NDArray[np.float32]


def spaces() -> tuple[Any, Any]:
    """Spaces of one observation, float32 (4,), and of one action, float32 (2,)."""
    reach = np.array([1, 1, SCALE * FASTEST, SCALE * FASTEST], np.float32)
    return gym.spaces.Box(-reach, reach), gym.spaces.Box(-1, 1, (2,), np.float32)


class EntropyPointEnv(Timed, gym.Env[Observation, Observation]):  # type: ignore[misc]
    """Steer a point in a box whose dynamics are as random as one likes.

    ## Description

    A point moves in the box [-1, 1] x [-1, 1]. In every step its velocity, in units
    of the box a step, becomes

        v <- 0.8 v + gain * action + kick,

    and it moves by v. A wall stops it: the position stays in the box and that
    component of the velocity becomes 0. The kick is normal with standard deviation
    `noise` along either axis, and 0 while the point is in the calm disc of radius
    0.25 around (0.5, 0.5).

    With noise 0 nothing happens unless the agent acts. At 0.02 a kick is about as
    large as what a full action adds, and order is kept best in the disc. It is the
    grid's question (`leapbench/URLB-EntropyGrid-v0`) for agents with continuous
    actions (MOSS, arXiv 2210.06702).

    ## Action Space

    `Box(-1, 1, (2,), float32)`: force to the right and upwards, as a share of the
    largest.

    ## Observation Space

    `Box(float32, (4,))`

    | index | meaning                              | range   |
    |-------|--------------------------------------|---------|
    | 0     | x, from left to right                | [-1, 1] |
    | 1     | y, from bottom to top                | [-1, 1] |
    | 2     | 5 times the velocity along x         | [-5, 5] |
    | 3     | 5 times the velocity along y         | [-5, 5] |

    Neither the noise nor the task nor the time is part of it.

    ## Rewards

    exp(-d^2 / (2 width^2)) of the distance d between the goal and where the step
    ends, in [0, 1]; without a task always 0. The return divided by T is the share
    of the reward that a point resting in the goal would have.

    | task           | goal           |
    |----------------|----------------|
    | `bottom-left`  | (-0.8, -0.8)   |
    | `bottom-right` | (0.8, -0.8)    |
    | `top-left`     | (-0.8, 0.8)    |
    | `calm`         | (0.5, 0.5)     |

    ## Starting State

    At rest, uniform in [-0.1, 0.1] x [-0.1, 0.1]. The seed fixes the start and the
    kicks of the episode, whatever the actions and the task; at another noise they
    are the same kicks to scale.

    ## Episode End

    Truncated after T steps, which the observation does not show; never terminated.
    `info` is empty.

    ## Arguments

    * `noise`: standard deviation of a kick, in [0, 1].
    * `horizon`: steps of an episode, T, from 1 on.
    * `task`: a name of the table above, or None for no reward; that of the id is `calm`.
    * `gain`: speed that a full action adds in a step, from 0.001 to 1.
    * `width`: standard deviation of the reward's bell, from 0.01 to 10.
    * `render_mode`: None or "rgb_array" (uint8 (400, 640, 3)).

    Wrong arguments raise `leapbench.errors.UserError`.

    ## Version History

    * v0: first version.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 20}

    def __init__(
        self,
        noise: float = 0.02,
        horizon: int = 200,
        task: str | None = None,
        gain: float = 0.02,
        width: float = 0.1,
        render_mode: str | None = None,
    ) -> None:
        self.world = PointWorld.build(noise, horizon, task, gain, width)
        self.render_mode = drawable(render_mode)
        self.observation_space, self.action_space = spaces()
        self._over, self._started = True, False

    @property
    def longest(self) -> int:
        """Steps of an episode."""
        return self.world.horizon

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start near the middle, with the kicks of a new episode.

        Args:
            seed: seeds the random numbers; None goes on with them.
            options: none are known.

        Returns:
            The observation, float32 (4,), and an empty info.
        """
        no_options(options)
        super().reset(seed=seed)
        start, self._kicks = self.world.begin(self.np_random)
        self.state = start[None]
        self.path, self.collected = [start[:2]], 0.0
        self._over, self._started = False, True
        return observed(self.state)[0], {}

    def step(
        self, action: NDArray[np.floating]
    ) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Push, and be pushed.

        Raises:
            InvalidAction: for what is no action.
            ResetNeeded: when the episode is over.
        """
        if self._over:
            raise ResetNeeded("The episode is over: call `reset` before `step`.")
        push = reals(action, (2,)).astype(np.float64)[None]
        kick = self._kicks[len(self.path) - 1][None]
        self.state = self.world.step(self.state, push, kick)
        self.path.append(self.state[0, :2])
        reward = float(self.world.reward(self.state)[0])
        self.collected += reward
        self._over = len(self.path) > self.world.horizon
        return observed(self.state)[0], reward, False, self._over, {}

    def render(self) -> NDArray[np.uint8] | None:
        """Picture of the episode so far, uint8 (400, 640, 3); None without a render mode.

        Raises:
            ResetNeeded: before the first `reset`.
        """
        if self.render_mode is None:
            return None
        begun(self._started)
        from leapbench.envs.urlb.point.render import PointPicture, draw

        return draw(PointPicture(self.world, np.stack(self.path), self.collected))
