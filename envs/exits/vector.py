"""Streams with one budget, in lockstep: what worlds share in which an answer may come early."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from leapbench.envs.exits.budget import StreamBudget
from leapbench.envs.lockstep import EnvIndices, LockstepVectorEnv, Seeds
from leapbench.errors import UserError

Flags = NDArray[np.bool_]
Step = tuple[NDArray[np.float32], NDArray[np.float64], Flags, Flags, dict[str, Any]]
Action = TypeVar("Action", bound=NDArray[Any])


class Moved(Protocol):
    """State of streams as arrays."""

    @property
    def over(self) -> Flags:
        """Bool (S,), whether a stream has ended or was never dealt."""

    def seed(self, index: int, seed: int | None) -> None:
        """Seed the random numbers of one stream; None goes on with those it has."""

    def deal(self, indices: EnvIndices, budgets: Sequence[int] | None = None) -> None:
        """Start new streams, under budgets given or drawn."""

    def advance(self, actions: Any) -> tuple[NDArray[np.float64], Flags]:
        """Rewards, and which streams ended now."""

    def observe(self, out: NDArray[np.float32], indices: EnvIndices | slice = ...) -> None:
        """Write observations."""

    def summary(self, index: int) -> dict[str, Any]:
        """Final info of a stream."""


class StreamVectorEnv(LockstepVectorEnv[NDArray[np.float32], Action]):
    """Resets, steps and infos of streams in lockstep.

    Environments set `world` and `streams` themselves.

    Args:
        num_envs: streams.
        observation: space of one stream.
        action: space of one stream.
        render_mode: None or "rgb_array".
        copy: return a new observation array from each call; False hands out one
            buffer that the next call overwrites.
        autoreset_mode: "NextStep", "SameStep" or "Disabled", or the enum.

    Attributes:
        world: the rules and tables.
        streams: the state, as arrays over the streams.
    """

    world: StreamBudget
    streams: Moved

    def __init__(
        self,
        num_envs: int,
        observation: gym.Space[Any],
        action: gym.Space[Any],
        render_mode: str | None,
        copy: bool,
        autoreset_mode: AutoresetMode | str,
    ) -> None:
        super().__init__(num_envs, observation, action, render_mode, autoreset_mode)
        self.copy = copy
        self._buffer = np.empty((num_envs, *(observation.shape or ())), np.float32)

    @abstractmethod
    def _asked(self, actions: Any) -> Any:
        """Actions as the streams take them.

        Raises:
            InvalidAction: when they are not in the action space.
        """

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
            Observations float32 (num_envs, columns) and an empty info.

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

    def step(self, actions: Action) -> Step:
        """Act in every stream.

        Args:
            actions: one a stream; ignored where a stream is over.

        Returns:
            Observations float32 (num_envs, columns), rewards float64, terminations
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

    def _finish(self, indices: EnvIndices) -> dict[str, Any]:
        """Infos of the streams that have just ended; with SAME_STEP, restart them."""
        infos: dict[str, Any] = {}
        same_step = self.autoreset_mode == AutoresetMode.SAME_STEP
        final = np.empty((len(indices), self._buffer.shape[1]), np.float32)
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
