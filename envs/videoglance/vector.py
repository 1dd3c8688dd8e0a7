"""Glances at video, many streams in lockstep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray

from leapbench.envs.lockstep import EnvIndices, LockstepVectorEnv, Seeds
from leapbench.envs.refusals import begun
from leapbench.envs.videoglance.bank import Bank
from leapbench.envs.videoglance.dynamics import GlanceWorld
from leapbench.envs.videoglance.streams import Streams
from leapbench.errors import UserError

Step = tuple[
    NDArray[np.float32],
    NDArray[np.float64],
    NDArray[np.bool_],
    NDArray[np.bool_],
    dict[str, Any],
]


class VideoGlanceVectorEnv(
    LockstepVectorEnv[NDArray[np.float32], NDArray[Any]],
    VectorEnv[NDArray[np.float32], NDArray[Any], NDArray[Any]],
):
    """`VideoGlanceEnv` for `num_envs` streams at once, without a loop over them.

    Observations, rewards, terminations and infos are those of Gymnasium's
    `SyncVectorEnv` over `VideoGlanceEnv` with the same seeds and autoreset mode.
    With autoreset disabled, where that class forbids a step, a stream that is
    over stays over, without reward or info, until `reset`: so that each of many
    evaluation episodes is run exactly once.

    Args:
        num_envs: streams in lockstep.
        bank: see `VideoGlanceEnv`, as for the next five.
        data: data set of the packaged bank.
        split: "calibration" or "test".
        stream: clips in an episode.
        budget: multiply-adds per clip.
        actions: "cubes" or "box".
        render_mode: None or "rgb_array".
        copy: return a new observation array from each call; False hands out one
            buffer that the next call overwrites.
        autoreset_mode: "NextStep", "SameStep" or "Disabled", or the enum.

    Attributes:
        world: the rules and tables.
        streams: the state, as arrays over the streams.

    Raises:
        UserError: for the arguments that `VideoGlanceEnv` refuses, or no streams.
    """

    metadata: dict[str, Any] = {
        "render_modes": ["rgb_array"],
        "render_fps": 4,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    def __init__(
        self,
        num_envs: int = 1,
        bank: Bank | None = None,
        data: str = "needle",
        split: str = "calibration",
        stream: int = 100,
        budget: int | tuple[int, ...] | None = None,
        actions: str = "cubes",
        render_mode: str | None = None,
        copy: bool = True,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
    ) -> None:
        self.world = GlanceWorld.build(bank, data, split, stream, budget, actions)
        super().__init__(
            num_envs,
            self.world.layout.space(),
            self.world.action_space,
            render_mode,
            autoreset_mode,
        )
        self.copy = copy
        self.streams = Streams(self.world, num_envs)
        self._buffer = np.empty((num_envs, self.world.layout.size), np.float32)

    @property
    def bank(self) -> Bank:
        """The bank of the streams; it holds the labels, so only oracles may look."""
        return self.world.bank

    def action_masks(self) -> NDArray[np.bool_]:
        """Bool (num_envs, C + 1): cubes not seen before, and the answer."""
        answer = np.ones((self.num_envs, 1), np.bool_)
        return np.concatenate([~self.streams.visited, answer], 1)

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
            options: "budget", multiply-adds per clip for all streams or a
                list with each one's; "reset_mask", bool (num_envs,), False
                leaves a stream as it is.

        Returns:
            Observations float32 (num_envs, size) and an empty info.

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

    def step(self, actions: NDArray[Any]) -> Step:
        """Look at a cube, or answer, in every stream.

        Args:
            actions: one a stream; ignored where a stream is over.

        Returns:
            Observations float32 (num_envs, size), rewards float64, terminations
            and truncations bool (num_envs,), and infos in Gymnasium's vector form.

        Raises:
            InvalidAction: for other actions.
            ResetNeeded: before the first `reset`.
        """
        self._require_started()
        asked, streams = self.world.asked(actions, self.num_envs), self.streams
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
        from leapbench.envs.videoglance.render import draw, scene

        return tuple(draw(scene(self.streams, index)) for index in range(self.num_envs))

    def _finish(self, indices: EnvIndices) -> dict[str, Any]:
        """Infos of the streams that have just ended; with SAME_STEP, restart them."""
        infos: dict[str, Any] = {}
        same_step = self.autoreset_mode == AutoresetMode.SAME_STEP
        final = np.empty((len(indices), self.world.layout.size), np.float32)
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

    def _budgets(self, options: Mapping[str, Any]) -> list[int] | None:
        given = self.world.asked_budget(options)
        if given is None:
            return None
        each = [given] * self.num_envs if np.ndim(given) == 0 else list(given)
        if len(each) != self.num_envs:
            raise UserError(f"budget must list {self.num_envs} amounts, got {len(each)}.")
        return [self.world.check_budget(budget) for budget in each]
