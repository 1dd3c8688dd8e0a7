"""What vector environments in lockstep share: sub-environments, seeds, masks, and timed episodes.

A sub-environment is one of the episodes that are stepped together.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, TypeVar

import gymnasium as gym
import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.utils.seeding import np_random
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from leapbench.envs.refusals import drawable, no_options
from leapbench.envs.timed import Timed
from leapbench.errors import UserError

Flags = NDArray[np.bool_]
EnvIndices = NDArray[np.int64]
Seeds = int | Sequence[int | None] | None
Observation = TypeVar("Observation", bound=NDArray[Any])
Action = TypeVar("Action", bound=NDArray[Any])


class LockstepVectorEnv(VectorEnv[Observation, Action, NDArray[Any]]):
    """Spaces, modes and arguments of a vector environment without a loop over its sub-environments.

    Environments derive from it and, once more, from Gymnasium's `VectorEnv`: skrl knows them
    by their direct bases.

    Args:
        num_envs: sub-environments.
        observation: space of one sub-environment.
        action: space of one sub-environment.
        render_mode: None or "rgb_array".
        autoreset_mode: "NextStep", "SameStep" or "Disabled", or the enum.

    Raises:
        UserError: for no sub-environments.
    """

    def __init__(
        self,
        num_envs: int,
        observation: gym.Space[Any],
        action: gym.Space[Any],
        render_mode: str | None,
        autoreset_mode: AutoresetMode | str,
    ) -> None:
        if num_envs < 1:
            raise UserError(f"num_envs must be 1 or more, got {num_envs}.")
        self.num_envs, self.render_mode = num_envs, drawable(render_mode)
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.metadata = {**self.metadata, "autoreset_mode": self.autoreset_mode}
        self.single_observation_space, self.single_action_space = observation, action
        self.observation_space = batch_space(observation, num_envs)
        self.action_space = batch_space(action, num_envs)
        self._started = False

    def _seeds(self, seed: Seeds) -> list[int | None]:
        """A seed a sub-environment, None where its random numbers continue."""
        if seed is None:
            return [None] * self.num_envs
        if isinstance(seed, int | np.integer):
            return [int(seed) + index for index in range(self.num_envs)]
        if len(seed) != self.num_envs:
            raise UserError(f"seed must list {self.num_envs} seeds, got {len(seed)}.")
        return list(seed)

    def _masked(self, mask: Flags | None) -> EnvIndices:
        """The sub-environments of a mask; all where there is none."""
        if mask is None:
            return np.arange(self.num_envs)
        mask = np.asarray(mask)
        if mask.shape != (self.num_envs,) or mask.dtype != np.bool_ or not mask.any():
            raise UserError(
                f"reset_mask must be {self.num_envs} booleans, one of them True, "
                f"got {mask.dtype} of shape {mask.shape}."
            )
        return np.flatnonzero(mask)

    def _require_started(self) -> None:
        if not self._started:
            raise ResetNeeded("Call `reset` before `step`.")


class TimedVectorEnv(Timed, LockstepVectorEnv[Observation, Action]):  # type: ignore[misc]
    """Episodes that all last `horizon` steps and never terminate.

    With autoreset disabled, where Gymnasium's `SyncVectorEnv` forbids a step, an
    episode that is over stays over, without reward, until `reset`. Arguments are
    those of `LockstepVectorEnv`.

    Args:
        horizon: steps of an episode.

    Attributes:
        time: int64 (num_envs,), steps taken in each episode.
    """

    def __init__(
        self,
        num_envs: int,
        observation: gym.Space[Any],
        action: gym.Space[Any],
        horizon: int,
        render_mode: str | None,
        autoreset_mode: AutoresetMode | str,
    ) -> None:
        super().__init__(num_envs, observation, action, render_mode, autoreset_mode)
        self.horizon = horizon
        self.time = np.zeros(num_envs, np.int64)
        self._all, self._left = np.arange(num_envs), 0
        self._rngs: list[np.random.Generator | None] = [None] * num_envs

    @abstractmethod
    def _begin(self, index: int, rng: np.random.Generator) -> None:
        """Draw the random part of a sub-environment's next episode, and put it at its start."""

    @abstractmethod
    def _move(self, actions: Any, at: EnvIndices, waiting: Flags | None) -> NDArray[np.float64]:
        """Take a step in all sub-environments that do not wait; rewards (num_envs,), else 0.

        Args:
            actions: of all sub-environments, as they were checked.
            at: int64 (num_envs,), which step of its episode each sub-environment takes, from 0.
            waiting: bool (num_envs,), sub-environments whose episode is over; None where none is.
        """

    @abstractmethod
    def _checked(self, actions: Any) -> Any:
        """Actions of all sub-environments.

        Raises:
            InvalidAction: when they are none.
        """

    @abstractmethod
    def _observe(self) -> Observation:
        """What every sub-environment sees now, in a new array."""

    @property
    def longest(self) -> int:
        """Steps of an episode."""
        return self.horizon

    @property
    def over(self) -> Flags:
        """Bool (num_envs,), which episodes have ended."""
        return self.time >= self.horizon

    def reset(
        self, *, seed: Seeds = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start all episodes, or those of a mask.

        Args:
            seed: s seeds sub-environment i with s + i; a list gives each its own; None continues
                with each one's random numbers.
            options: "reset_mask", bool (num_envs,), False leaves an episode as it is.

        Returns:
            Observations and an empty info.

        Raises:
            UserError: for an unknown option, or seeds or a mask of another length than
                `num_envs`.
        """
        no_options(options, ("reset_mask",))
        indices, seeds = self._masked((options or {}).get("reset_mask")), self._seeds(seed)
        for index in indices.tolist():
            if seeds[index] is not None or self._rngs[index] is None:
                self._rngs[index] = np_random(seeds[index])[0]
        self._deal(indices)
        self._left = self.horizon - int(self.time.max())
        self._started = True
        return self._observe(), {}

    def step(
        self, actions: Any
    ) -> tuple[Observation, NDArray[np.float64], Flags, Flags, dict[str, Any]]:
        """Take a step in every episode.

        Args:
            actions: one a sub-environment; ignored where an episode is over.

        Returns:
            Observations, rewards float64, terminations and truncations bool
            (num_envs,), and infos in Gymnasium's vector form.

        Raises:
            InvalidAction: for other actions.
            ResetNeeded: before the first `reset`.
        """
        self._require_started()
        chosen = self._checked(actions)
        if self._left > 1:  # nothing has ended, and nothing will: most steps are like this
            self._left -= 1
            rewards = self._move(chosen, self.time, None)
            self.time = self.time + 1
            ends = np.zeros((2, self.num_envs), np.bool_)
            return self._observe(), rewards, ends[0], ends[1], {}
        waiting = self.over
        rewards = self._move(chosen, np.minimum(self.time, self.horizon - 1), waiting)
        self.time = self.time + ~waiting
        if self.autoreset_mode == AutoresetMode.NEXT_STEP and waiting.any():
            self._deal(np.flatnonzero(waiting))
        truncations = self.over
        infos: dict[str, Any] = {}
        if self.autoreset_mode == AutoresetMode.SAME_STEP and truncations.any():
            infos = self._finish(np.flatnonzero(truncations))
        self._left = self.horizon - int(self.time.max())
        return self._observe(), rewards, np.zeros_like(truncations), truncations, infos

    def _deal(self, indices: EnvIndices) -> None:
        """Start new episodes in `indices`."""
        for index in indices.tolist():
            rng = self._rngs[index]
            if rng is not None:
                self._begin(index, rng)
        self.time[indices] = 0

    def _finish(self, indices: EnvIndices) -> dict[str, Any]:
        """Infos of the episodes that have just ended, which start again."""
        infos: dict[str, Any] = {}
        last = self._observe()
        for index in indices.tolist():
            infos = self._add_info(infos, {"final_obs": last[index], "final_info": {}}, index)
        self._deal(indices)
        return infos
