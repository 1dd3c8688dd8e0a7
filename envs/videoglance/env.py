"""Glances at video, one stream at a time."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

from leapbench.envs.refusals import begun, drawable
from leapbench.envs.videoglance.bank import Bank
from leapbench.envs.videoglance.dynamics import GlanceWorld
from leapbench.envs.videoglance.streams import Streams


class VideoGlanceEnv(gym.Env[NDArray[np.float32], Any]):
    """Answer a stream of clips with few close looks, under one compute budget.

    ## Description

    A cheap network glances at the whole of a clip; an expensive one may look at small
    cubes of space and time, one after the other. After each look the agent sees what the
    network thinks, and looks on or answers. The budget is one amount for the whole
    stream: what a clear clip does not use is there for a hard one. This is AdaFocusV3
    (arXiv 2209.13465) as a sequential decision problem.

    The glance, C_1 multiply-adds, is paid on arrival. Each look costs the same, also at a
    cube that was seen before, which shows nothing new, and is granted only if the rest can
    still pay C_1 for each later clip; otherwise the action is taken as an answer. The
    budget can therefore never be exceeded. If it is below C_1 a clip, the stream ends when
    it is used up, and clips not reached count as wrong.

    Features of all cubes were computed once, see `Bank`. Labels and the pixels that
    looks are for are never observable.

    ## Action Space

    `Discrete(C + 1)`: 0 to C - 1 look at that cube of the grid, C answers. `action_masks`
    says which cubes are new. With `actions="box"`, `Box(-1, 1, (4,), float32)`: answer if
    the first number is above 0; else look at the cube nearest to the other three, time,
    row and column, from the first (-1) to the last place (1).

    ## Observation Space

    `Box(0, 1, (14 + classes + 5 C + F,), float32)`; `observation.Layout` names its blocks.

    | block         | size    | meaning                                                     |
    |---------------|---------|-------------------------------------------------------------|
    | `ExitColumn`  | 14      | looks so far / K, sureness, price and budget; see that enum |
    | probabilities | classes | of the classes, after the looks so far                      |
    | visited       | C       | 1 for each cube looked at                                   |
    | proposal      | C       | the model's own order, 1 for the cube it would take first   |
    | maps          | 3 C     | the glance at each cube: activity, evidence, motion         |
    | glance        | F       | pooled features of the glance                               |

    ## Rewards

    1 for a right answer, 0 for a wrong one and for a granted look. The return of an
    episode divided by n is the accuracy on the stream.

    ## Starting State

    n clips drawn without replacement and, where several budgets were given, one of them,
    uniformly. A seed fixes the stream whatever the budget.

    ## Episode End

    Terminated with the last clip that the budget reaches; never truncated. The final
    `info` holds `accuracy` (float), `spent` and `budget` (int, multiply-adds for the
    stream), `looks` (int64 (K + 2,), clips answered after that many looks; the last
    counts all above K), `forced` (int, looks that could not be paid) and `unanswered`
    (int); it is empty on every other step.

    ## Arguments

    * `bank`: the `Bank` to draw from; None for the packaged one of `data`.
    * `data`: data set of the packaged bank: "needle".
    * `split`: "calibration" or "test" clips of the packaged bank.
    * `stream`: clips in an episode, n; at most as many as the bank has.
    * `budget`: multiply-adds per clip; a tuple to draw from for each episode; None for
      0.25, 0.4, 0.6, 0.8 and 1 of the all-cubes cost C_1 + K looks.
    * `actions`: "cubes" or "box".
    * `render_mode`: None or "rgb_array" (uint8 (400, 640, 3)).

    `reset(options={"budget": b})` sets the budget per clip of one episode. Wrong arguments
    raise `leapbench.errors.UserError`.

    ## Version History

    * v0: first version.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 4}

    def __init__(
        self,
        bank: Bank | None = None,
        data: str = "needle",
        split: str = "calibration",
        stream: int = 100,
        budget: int | tuple[int, ...] | None = None,
        actions: str = "cubes",
        render_mode: str | None = None,
    ) -> None:
        self.world = GlanceWorld.build(bank, data, split, stream, budget, actions)
        self.render_mode = drawable(render_mode)
        self.observation_space = self.world.layout.space()
        self.action_space = self.world.action_space
        self.streams = Streams(self.world, 1)
        self._started = False

    @property
    def bank(self) -> Bank:
        """The bank of the streams; it holds the labels, so only oracles may look."""
        return self.world.bank

    def action_masks(self) -> NDArray[np.bool_]:
        """Bool (C + 1,): cubes of the current clip not seen before, and the answer."""
        return np.append(~self.streams.visited[0], True)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Start a stream and pay the glance at its first clip.

        Args:
            seed: seeds the random numbers; None goes on with them.
            options: {"budget": multiply-adds per clip} or nothing.

        Returns:
            Observation float32 and an empty info.

        Raises:
            UserError: for an unknown option or a budget out of range.
        """
        super().reset(seed=seed)
        given = self.world.asked_budget(options)
        budget = None if given is None else [self.world.check_budget(given)]
        self.streams.use(0, self.np_random)
        self.streams.deal(np.zeros(1, np.int64), budget)
        self._started = True
        return self._observe(), {}

    def step(self, action: Any) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Look at a cube, or answer.

        Raises:
            InvalidAction: for another action.
            ResetNeeded: when the stream is over.
        """
        if self.streams.over[0]:
            raise ResetNeeded("The stream is over: call `reset` before `step`.")
        rewards, ended = self.streams.advance(self.world.asked_one(action))
        over = bool(ended[0])
        info = self.streams.summary(0) if over else {}
        return self._observe(), float(rewards[0]), over, False, info

    def render(self) -> NDArray[np.uint8] | None:
        """Picture of the stream, uint8 (400, 640, 3); None without a render mode.

        Raises:
            ResetNeeded: before the first `reset`.
        """
        if self.render_mode is None:
            return None
        begun(self._started)
        from leapbench.envs.videoglance.render import draw, scene

        return draw(scene(self.streams, 0))

    def _observe(self) -> NDArray[np.float32]:
        out = np.empty((1, self.world.layout.size), np.float32)
        self.streams.observe(out)
        return np.asarray(out[0])
