"""The early-exit world, one stream at a time."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

from leapbench.envs.earlyexit.dynamics import CLOSED, CONTINUE, StreamWorld
from leapbench.envs.exits import observation
from leapbench.envs.exits.observation import ExitColumn
from leapbench.envs.exits.predictions import PredictionCache
from leapbench.envs.refusals import begun, drawable, whole


class EarlyExitEnv(gym.Env[NDArray[np.float32], np.int64]):
    """Answer a stream of samples with a multi-exit network, under one compute budget.

    ## Description

    A network with K classifiers along its depth looks at the samples of a
    stream, one after the other. After each exit the agent sees how sure the
    network is and either takes that answer or pays for the next exit. The
    budget is one amount for the whole stream: what an easy sample does not use
    is there for a hard one. This is budgeted batch classification (MSDNet, arXiv
    1703.09844; L2W-DEN, arXiv 2209.08310) as a sequential decision problem.

    Every sample's first exit, C_1 multiply-adds, is paid on arrival. Going on
    from exit k costs C_{k+1} - C_k and is granted only if the rest can still pay
    C_1 for each later sample; otherwise, and at the last exit, `continue` is
    taken as `exit`. The budget can therefore never be exceeded. If it is below
    C_1 a sample, the stream ends when it is used up, and the samples not reached
    count as wrong.

    ## Action Space

    `Discrete(2)`

    | action | meaning                                   |
    |--------|-------------------------------------------|
    | 0      | exit: take this exit's prediction         |
    | 1      | continue: pay for the next exit           |

    ## Observation Space

    `Box(0, 1, (14,), float32)`; columns are named by `observation.ExitColumn`. The
    label is never part of it.

    | column | name      | min | max | meaning                                         |
    |--------|-----------|-----|-----|-------------------------------------------------|
    | 0      | EXIT      | 0   | 1   | exit k (from 0) / (K - 1)                       |
    | 1-5    | TOP1-TOP5 | 0   | 1   | largest softmax values, sorted, padded with 0   |
    | 6      | ENTROPY   | 0   | 1   | entropy of the softmax / log(classes)           |
    | 7      | MARGIN    | 0   | 1   | TOP1 - TOP2                                     |
    | 8      | AGREEMENT | 0   | 1   | earlier exits in a row that agree / (K - 1)     |
    | 9      | SPENT     | 0   | 1   | C_k / C_K                                       |
    | 10     | NEXT      | 0   | 1   | (C_{k+1} - C_k) / C_K; 0 at the last exit       |
    | 11     | BUDGET    | 0   | 1   | budget per sample / C_K, clipped                |
    | 12     | REMAINING | 0   | 1   | unspent budget / unanswered samples / C_K, clipped |
    | 13     | PROGRESS  | 0   | 1   | answered samples / n                            |

    ## Rewards

    1 for a correct answer, 0 for a wrong one and for a granted `continue`. The
    return of an episode divided by n is the accuracy on the stream.

    ## Starting State

    n samples drawn without replacement and, where several budgets were given,
    one of them, uniformly. A seed fixes the stream whatever the budget.

    ## Episode End

    Terminated with the last sample that the budget reaches; never truncated.
    The final observation shows that sample at the exit it left from. The final
    `info` holds `accuracy` (float), `spent` and `budget` (int, multiply-adds for
    the stream), `exits` (int64 (K,), answers given at each exit), `forced` (int,
    times that `continue` could not be paid) and `unanswered` (int); it is empty
    on every other step.

    ## Arguments

    * `predictions`: the `PredictionCache` to draw from; None for the packaged one of `data`.
    * `data`: data set of the packaged prediction cache: "digits", "fashion-mnist" or "cifar10".
    * `split`: "calibration" or "test" samples of the packaged prediction cache.
    * `stream`: samples in an episode, n; at most as many as the prediction cache has.
    * `budget`: multiply-adds per sample; a tuple to draw from for each episode;
      None for six values evenly spaced from C_1 to 0.9 C_K.
    * `render_mode`: None or "rgb_array" (uint8 (400, 640, 3)).

    `reset(options={"budget": b})` sets the budget per sample of one episode.
    Wrong arguments raise `leapbench.errors.UserError`.

    ## Version History

    * v0: first version.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 8}

    def __init__(
        self,
        predictions: PredictionCache | None = None,
        data: str = "digits",
        split: str = "calibration",
        stream: int = 1000,
        budget: int | tuple[int, ...] | None = None,
        render_mode: str | None = None,
    ) -> None:
        self.world = StreamWorld.build(predictions, data, split, stream, budget)
        self.render_mode = drawable(render_mode)
        self.observation_space = observation.space()
        self.action_space = gym.spaces.Discrete(2)
        self._prices = self.world.prices.tolist()
        self._over, self._started = True, False

    @property
    def predictions(self) -> PredictionCache:
        """The prediction cache of the streams; it holds the labels, so only oracles may look."""
        return self.world.predictions

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Start a stream and pay the first exit of its first sample.

        Args:
            seed: seeds the random numbers; None goes on with them.
            options: {"budget": multiply-adds per sample} or nothing.

        Returns:
            Observation float32 (14,) and an empty info.

        Raises:
            UserError: for an unknown option or a budget out of range.
        """
        super().reset(seed=seed)
        world = self.world
        given = world.asked_budget(options)
        budget = None if given is None else world.check_budget(given)
        order, self.budget = world.deal(self.np_random, budget)
        self._order: list[int] = order.tolist()
        self._history = np.zeros(world.length, np.int16)
        self._answerable = world.answerable(self.budget)
        self.remaining = world.length * self.budget - world.first
        self.position = self.exit = self._forced = 0
        self.sample = self._order[0]
        self._over, self._started = False, True
        return self._observe(), {}

    def step(
        self, action: np.int64 | int
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Exit (0) or continue (1).

        Raises:
            InvalidAction: for another action.
            ResetNeeded: when the stream is over.
        """
        if self._over:
            raise ResetNeeded("The stream is over: call `reset` before `step`.")
        asked, price = whole(action, 2) == CONTINUE, self._prices[self.exit]
        if self.world.granted(asked, self.remaining, price, self.position):
            self.remaining -= price
            self.exit += 1
            return self._observe(), 0.0, False, False, {}
        self._forced += asked and price != CLOSED
        reward = self._answer()
        return self._observe(), reward, self._over, False, self._summary() if self._over else {}

    def render(self) -> NDArray[np.uint8] | None:
        """Picture of the stream, uint8 (400, 640, 3); None without a render mode.

        Raises:
            ResetNeeded: before the first `reset`.
        """
        if self.render_mode is None:
            return None
        begun(self._started)
        from leapbench.envs.earlyexit.render import StreamPicture, draw

        return draw(
            StreamPicture(
                predictions=self.predictions,
                sample=self.sample,
                exit=self.exit,
                budget=self.budget,
                remaining=self.remaining,
                answers=self._history[: self.position],
                length=self.world.length,
                over=self._over,
            )
        )

    def _answer(self) -> float:
        """Take the current exit's prediction and let the next sample arrive."""
        world = self.world
        reward = float(world.correct[self.sample * world.predictions.exits + self.exit])
        self._history[self.position] = 2 * self.exit + int(reward)
        self.position += 1
        self._over = self.position == self._answerable
        if not self._over:
            self.remaining -= world.first
            self.exit, self.sample = 0, self._order[self.position]
        return reward

    def _observe(self) -> NDArray[np.float32]:
        world = self.world
        row = np.array(world.observations[self.sample * world.predictions.exits + self.exit])
        row[ExitColumn.BUDGET] = min(1.0, self.budget / world.full)
        row[ExitColumn.REMAINING] = min(1.0, world.share(self.remaining, self.position))
        row[ExitColumn.PROGRESS] = self.position / world.length
        return row

    def _summary(self) -> dict[str, Any]:
        answers = self._history[: self.position]
        return self.world.summary(answers, self.budget, self.remaining, self._forced)
