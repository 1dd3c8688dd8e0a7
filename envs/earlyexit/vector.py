"""The early-exit world, many streams in lockstep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray

from leapbench.envs.earlyexit.dynamics import CONTINUE, StreamWorld
from leapbench.envs.earlyexit.few import FEW, Few
from leapbench.envs.earlyexit.lockstep import EnvIndices, LockstepStreams
from leapbench.envs.exits import observation
from leapbench.envs.exits.observation import ExitColumn
from leapbench.envs.exits.predictions import PredictionCache
from leapbench.envs.lockstep import LockstepVectorEnv, Seeds
from leapbench.envs.refusals import begun, wholes
from leapbench.errors import UserError

Step = tuple[
    NDArray[np.float32],
    NDArray[np.float64],
    NDArray[np.bool_],
    NDArray[np.bool_],
    dict[str, Any],
]


class EarlyExitVectorEnv(
    LockstepVectorEnv[NDArray[np.float32], NDArray[np.int64]],
    VectorEnv[NDArray[np.float32], NDArray[np.int64], NDArray[Any]],
):
    """`EarlyExitEnv` for `num_envs` streams at once, without a loop over them.

    Observations, rewards, terminations and infos are those of Gymnasium's
    `SyncVectorEnv` over `EarlyExitEnv` with the same seeds and autoreset mode.
    With autoreset disabled, where that class forbids a step, a stream that is
    over stays over, without reward or info, until `reset`: so that each of many
    evaluation episodes is run exactly once.

    Args:
        num_envs: streams in lockstep.
        predictions: see `EarlyExitEnv`, as for the next four.
        data: data set of the packaged prediction cache.
        split: "calibration" or "test".
        stream: samples in an episode.
        budget: multiply-adds per sample.
        render_mode: None or "rgb_array".
        copy: return a new observation array from each call; False hands out one
            buffer that the next call overwrites.
        autoreset_mode: "NextStep", "SameStep" or "Disabled", or the enum.

    Attributes:
        world: the rules and tables.
        streams: the state, as arrays over the streams.

    Raises:
        UserError: for the arguments that `EarlyExitEnv` refuses, or no streams.
    """

    metadata: dict[str, Any] = {
        "render_modes": ["rgb_array"],
        "render_fps": 8,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    def __init__(
        self,
        num_envs: int = 1,
        predictions: PredictionCache | None = None,
        data: str = "digits",
        split: str = "calibration",
        stream: int = 1000,
        budget: int | tuple[int, ...] | None = None,
        render_mode: str | None = None,
        copy: bool = True,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
    ) -> None:
        self.world = StreamWorld.build(predictions, data, split, stream, budget)
        exits = gym.spaces.Discrete(2)
        super().__init__(num_envs, observation.space(), exits, render_mode, autoreset_mode)
        self.copy = copy
        kind = Few if num_envs <= FEW else LockstepStreams
        self.streams: Few | LockstepStreams = kind(self.world, num_envs)
        self._buffer = np.empty((num_envs, len(ExitColumn)), np.float32)

    @property
    def predictions(self) -> PredictionCache:
        """The prediction cache of the streams; it holds the labels, so only oracles may look."""
        return self.world.predictions

    @property
    def sample(self) -> NDArray[np.int64]:
        """int64 (num_envs,), index of each stream's current sample in the prediction cache."""
        return self.streams.sample

    @property
    def exit(self) -> NDArray[np.int64]:
        """int64 (num_envs,), 0-based exit at which each current sample is."""
        return self.streams.exit

    @property
    def remaining(self) -> NDArray[np.int64]:
        """int64 (num_envs,), unspent multiply-adds of each stream."""
        return self.streams.remaining

    def reset(
        self,
        *,
        seed: Seeds = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Start all streams, or those of a mask.

        Args:
            seed: s seeds stream i with s + i; a list gives each its own; None
                goes on with each stream's random numbers.
            options: "budget", multiply-adds per sample for all streams or a
                list with each one's; "reset_mask", bool (num_envs,), False
                leaves a stream as it is.

        Returns:
            Observations float32 (num_envs, 14) and an empty info.

        Raises:
            UserError: for an unknown option, a budget out of range, or seeds,
                budgets or a mask of another length than `num_envs`.
        """
        options = dict(options or {})
        indices = self._masked(options.pop("reset_mask", None))
        seeds, budgets = self._seeds(seed), self._budgets(options)
        for index in indices.tolist():
            self.streams.seed(index, seeds[index])
        self.streams.deal(indices, budgets)
        self._started = True
        return self._observe(), {}

    def step(self, actions: NDArray[np.int64]) -> Step:
        """Exit (0) or continue (1) in every stream.

        Args:
            actions: integers (num_envs,); ignored where a stream is over.

        Returns:
            Observations float32 (num_envs, 14), rewards float64, terminations
            and truncations bool (num_envs,), and infos in Gymnasium's vector form.

        Raises:
            InvalidAction: for other actions.
            ResetNeeded: before the first `reset`.
        """
        self._require_started()
        asked, streams = self._asked(actions), self.streams
        frozen = self.autoreset_mode == AutoresetMode.DISABLED
        over = streams.over.copy()
        rewards, ended = streams.advance(asked)
        infos: dict[str, Any] = {}
        if any(over.tolist()) and not frozen:
            streams.deal(np.flatnonzero(over))
            over[:] = False
        if any(ended.tolist()):
            infos = self._finish(np.flatnonzero(ended))
        return self._observe(), rewards, ended | over, np.zeros_like(ended), infos

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:
        """One picture a stream, each uint8 (400, 640, 3); None without a render mode."""
        if self.render_mode is None:
            return None
        begun(self._started)
        from leapbench.envs.earlyexit.render import StreamPicture, draw

        state = self.streams
        return tuple(
            draw(
                StreamPicture(
                    predictions=self.predictions,
                    sample=int(state.sample[index]),
                    exit=int(state.exit[index]),
                    budget=int(state.budget[index]),
                    remaining=int(state.remaining[index]),
                    answers=state.answers(index),
                    length=self.world.length,
                    over=bool(state.over[index]),
                )
            )
            for index in range(self.num_envs)
        )

    def _finish(self, indices: EnvIndices) -> dict[str, Any]:
        """Infos of the streams that have just ended; with SAME_STEP, restart them."""
        infos: dict[str, Any] = {}
        same_step = self.autoreset_mode == AutoresetMode.SAME_STEP
        final = np.empty((len(indices), len(ExitColumn)), np.float32)
        self.streams.observe(final, indices)
        for row, index in zip(final, indices.tolist(), strict=True):
            info = self.streams.summary(index)
            nested = {"final_obs": row, "final_info": info} if same_step else info
            infos = self._add_info(infos, nested, index)
        if same_step:
            self.streams.deal(indices)
        return infos

    def _observe(self) -> NDArray[np.float32]:
        out = np.empty_like(self._buffer) if self.copy else self._buffer
        self.streams.observe(out)
        return out

    def _asked(self, actions: NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.asarray(wholes(actions, self.num_envs, 2) == CONTINUE)

    def _budgets(self, options: Mapping[str, Any]) -> list[int] | None:
        given = self.world.asked_budget(options)
        if given is None:
            return None
        each = [given] * self.num_envs if np.ndim(given) == 0 else list(given)
        if len(each) != self.num_envs:
            raise UserError(f"budget must list {self.num_envs} amounts, got {len(each)}.")
        return [self.world.check_budget(budget) for budget in each]
