"""A task of dm_control's suite, from states."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.dm_control.adapter import Floats
from leapbench.envs.dm_control.backend import load
from leapbench.envs.dm_control.suite import SuiteTaskEnv

REPEATS = {
    ("finger", "spin"): 2,
    ("cartpole", "swingup"): 8,
    ("reacher", "easy"): 4,
    ("cheetah", "run"): 4,
    ("walker", "walk"): 2,
    ("ball_in_cup", "catch"): 4,
}
"""Frames of an action in PlaNet (arXiv 1811.04551), and in all that compare with it."""
OTHERWISE = 2


class DMCEnv(SuiteTaskEnv):
    """One of the six tasks on which few interactions are compared, or another of the suite.

    ## Description

    Continuous control on MuJoCo (Tassa et al., arXiv 1801.00690). CURL, DrQ, SPR and VCR
    (arXiv 2206.12542) compare what is learned within 100,000 and 500,000 *frames*, which
    are dm_control's steps: actions times the action repeat.

    | id                  | observed | acts | action repeat | actions of an episode |
    |---------------------|----------|------|---------------|-----------------------|
    | DMC-Finger-Spin     | 9        | 2    | 2             | 500                   |
    | DMC-Cartpole-Swingup | 5       | 1    | 8             | 125                   |
    | DMC-Reacher-Easy    | 6        | 2    | 4             | 250                   |
    | DMC-Cheetah-Run     | 17       | 6    | 4             | 250                   |
    | DMC-Walker-Walk     | 24       | 6    | 2             | 500                   |
    | DMC-BallInCup-Catch | 8        | 2    | 4             | 250                   |

    ## Action Space

    `Box(-1, 1, (m,), float32)`, mapped to the actuators' ranges.

    ## Observation Space

    `Box(-inf, inf, (d,), dtype)`: dm_control's observations in their order, one after
    the other; `entries` names their places.

    ## Rewards

    dm_control's own, in [0, 1] a frame, summed over the frames of an action. An episode
    of 1000 frames returns 0 to 1000.

    ## Starting State

    dm_control's, drawn anew for each episode; the seed fixes it.

    ## Episode End

    Truncated at dm_control's time limit, 1000 frames in the six tasks. Terminated only
    where dm_control ends an episode itself, which it does in none of the six. `info` is
    empty.

    ## Arguments

    * `domain`, `task`: as in `dm_control.suite.load`; without them cartpole, swingup.
    * `frames`: action repeat; None takes the table's, and 2 for any other task.
    * `dtype`: "float32" or "float64", of observations.
    * `render_mode`: None or "rgb_array", uint8 (400, 640, 3): the world, and what it
      gives.
    * `camera`: name or number of the camera that draws.

    Wrong arguments, and a missing dm_control, raise `leapbench.errors.UserError`.

    ## Version History

    * v0: first version.
    """

    def __init__(
        self,
        domain: str = "cartpole",
        task: str = "swingup",
        frames: int | None = None,
        dtype: str = "float32",
        render_mode: str | None = None,
        camera: str | int = 0,
    ) -> None:
        repeat = REPEATS.get((domain, task), OTHERWISE) if frames is None else frames
        with quiet():
            super().__init__(domain, task, repeat, dtype, render_mode, camera)
        self._title = f"{domain.replace('_', ' ')}: {task.replace('_', ' ')}"
        self._show(np.zeros(self.action_space.shape or ()), 0.0, 0, 0.0)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Floats, dict[str, Any]]:
        """See `DmControlEnv.reset`."""
        found = super().reset(seed=seed, options=options)
        self._show(np.zeros(self.action_space.shape or ()), 0.0, 0, 0.0)
        return found

    def step(self, action: Floats) -> tuple[Floats, float, bool, bool, dict[str, Any]]:
        """See `DmControlEnv.step`."""
        found = super().step(action)
        reward = found[1]
        self._show(action, reward, self._done + 1, self._total + reward)
        return found

    def render(self) -> NDArray[np.uint8] | None:
        """Picture of the task, uint8 (400, 640, 3); None without a render mode.

        Raises:
            UserError: when there is no OpenGL to draw with.
            ResetNeeded: before the first `reset`.
        """
        return self.pictured(None)

    def pictured(self, seen: NDArray[np.uint8] | None) -> NDArray[np.uint8] | None:
        """See `render`; with what is observed, uint8 (3 n, size, size), if that is pictures."""
        world = super().render()
        if world is None:
            return None
        from leapbench.envs.dmc.render import Scene, draw

        counts = self._done, self.longest, self.frames
        action = np.array(self._action, float)
        scene = Scene(self._title, world, *counts, self._reward, self._total, action, seen)
        return draw(scene)

    def _show(self, action: Any, reward: float, done: int, total: float) -> None:
        """Keep what a picture tells of the episode."""
        self._action, self._reward, self._done, self._total = action, reward, done, total


@contextmanager
def quiet() -> Iterator[None]:
    """Without MuJoCo's remarks about how dm_control's models are written."""
    load("dm_control.suite")
    logging = load("absl.logging")
    before = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        logging.set_verbosity(before)
