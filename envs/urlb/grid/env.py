"""The entropy grid, one episode at a time."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

from leapbench.envs.refusals import begun, drawable, no_options, whole
from leapbench.envs.timed import Timed
from leapbench.envs.urlb.grid.dynamics import ACTIONS, GridWorld


class EntropyGridEnv(Timed, gym.Env[np.int64, np.int64]):  # type: ignore[misc]
    """Walk in a grid whose dynamics are as random as one likes.

    ## Description

    A walled square of n x n cells. In every step the agent stays or moves to a
    neighbouring cell; a move into the wall stays. With probability `noise` the
    step is followed by a gust: two further unit moves, each in one of the four
    directions with equal probability. A step that begins in the shelter, the 2 x 2
    block two cells below and to the right of the centre, meets no gust.

    With noise 0 nothing happens unless the agent acts: novelty has to be sought.
    With much noise novelty comes by itself, and order has to be kept. It is the
    smallest world in which agents that maximise surprise and agents that minimise
    it can both be right (MOSS, arXiv 2210.06702).

    ## Action Space

    `Discrete(5)`

    | action | meaning                    |
    |--------|----------------------------|
    | 0      | stay                       |
    | 1      | up: row - 1                |
    | 2      | right: column + 1          |
    | 3      | down: row + 1              |
    | 4      | left: column - 1           |

    ## Observation Space

    `Discrete(n * n)`: the agent's cell, row * n + column, from 0 at the top left.
    Neither the noise nor the task is part of it.

    ## Rewards

    1 for a step that ends in the task's goal, 0 for any other; without a task
    always 0. The return divided by T is the share of steps in the goal.

    | task       | goal, 2 x 2 cells                         |
    |------------|-------------------------------------------|
    | `corner-1` | top left                                  |
    | `corner-2` | top right                                 |
    | `corner-3` | bottom left                               |
    | `shelter`  | the shelter                               |

    ## Starting State

    The cell in the centre. The seed fixes the gusts of the episode, whatever the
    actions and the task; gusts at a lower noise are among those at a higher one.

    ## Episode End

    Truncated after T steps, which the observation does not show; never terminated.
    `info` is empty.

    ## Arguments

    * `size`: cells on a side, n, from 9 to 99.
    * `noise`: probability of a gust, in [0, 1].
    * `horizon`: steps of an episode, T, from 1 on.
    * `task`: a name of the table above, or None for no reward; that of the id is
      `shelter`.
    * `render_mode`: None or "rgb_array" (uint8 (400, 640, 3)).

    Wrong arguments raise `leapbench.errors.UserError`.

    ## Version History

    * v0: first version.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 8}

    def __init__(
        self,
        size: int = 13,
        noise: float = 0.6,
        horizon: int = 60,
        task: str | None = None,
        render_mode: str | None = None,
    ) -> None:
        self.world = GridWorld.build(size, noise, horizon, task)
        self.render_mode = drawable(render_mode)
        self.observation_space = gym.spaces.Discrete(self.world.cells)
        self.action_space = gym.spaces.Discrete(len(ACTIONS))
        self._over, self._started = True, False

    @property
    def longest(self) -> int:
        """Steps of an episode."""
        return self.world.horizon

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.int64, dict[str, Any]]:
        """Start in the centre, with the gusts of a new episode.

        Args:
            seed: seeds the random numbers; None goes on with them.
            options: none are known.

        Returns:
            The agent's cell and an empty info.
        """
        no_options(options)
        super().reset(seed=seed)
        self._weather = self.world.weather(self.np_random)
        self.cell = np.int64(self.world.start)
        self.path = [self.world.start]
        self.collected = 0.0
        self._over, self._started = False, True
        return self.cell, {}

    def step(self, action: np.int64 | int) -> tuple[np.int64, float, bool, bool, dict[str, Any]]:
        """Move, and be moved.

        Raises:
            InvalidAction: for what is no action.
            ResetNeeded: when the episode is over.
        """
        if self._over:
            raise ResetNeeded("The episode is over: call `reset` before `step`.")
        move = whole(action, len(ACTIONS))
        gust = int(self._weather[len(self.path) - 1])
        self.cell = np.int64(self.world.step(int(self.cell), move, gust))
        self.path.append(int(self.cell))
        reward = float(self.world.goal[self.cell])
        self.collected += reward
        self._over = len(self.path) > self.world.horizon
        return self.cell, reward, False, self._over, {}

    def render(self) -> NDArray[np.uint8] | None:
        """Picture of the episode so far, uint8 (400, 640, 3); None without a render mode.

        Raises:
            ResetNeeded: before the first `reset`.
        """
        if self.render_mode is None:
            return None
        begun(self._started)
        from leapbench.envs.urlb.grid.render import GridPicture, draw

        return draw(GridPicture(self.world, np.array(self.path), self.collected))
