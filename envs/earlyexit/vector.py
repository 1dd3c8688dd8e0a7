"""The early-exit world, many streams in lockstep."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray

from leapbench.envs.earlyexit.dynamics import CONTINUE, StreamWorld
from leapbench.envs.earlyexit.few import FEW, Few
from leapbench.envs.earlyexit.lockstep import LockstepStreams
from leapbench.envs.exits import observation
from leapbench.envs.exits.predictions import PredictionCache
from leapbench.envs.exits.vector import StreamVectorEnv
from leapbench.envs.refusals import begun, wholes


class EarlyExitVectorEnv(
    StreamVectorEnv[NDArray[np.int64]],
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

    world: StreamWorld
    streams: Few | LockstepStreams

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
        seen, exits = observation.space(), gym.spaces.Discrete(2)
        super().__init__(num_envs, seen, exits, render_mode, copy, autoreset_mode)
        kind = Few if num_envs <= FEW else LockstepStreams
        self.streams = kind(self.world, num_envs)

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

    def _asked(self, actions: NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.asarray(wholes(actions, self.num_envs, 2) == CONTINUE)
