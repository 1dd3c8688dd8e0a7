"""The entropy point, many episodes in lockstep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.utils.seeding import np_random
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from leapbench.envs.urlb.point.dynamics import World, observed
from leapbench.envs.urlb.point.env import Observation, checked, spaces
from leapbench.errors import UserError

Flags = NDArray[np.bool_]
Wholes = NDArray[np.int64]
Step = tuple[Observation, NDArray[np.float64], Flags, Flags, dict[str, Any]]


class EntropyPointVectorEnv(VectorEnv[Observation, Observation, NDArray[Any]]):
    """`EntropyPointEnv` for `num_envs` episodes at once, without a loop over them.

    Observations, rewards, ends and infos are those of Gymnasium's `SyncVectorEnv`
    over `EntropyPointEnv` with the same seeds and autoreset mode. With autoreset
    disabled, where that class forbids a step, an episode that is over stays over,
    without reward, until `reset`.

    Args:
        num_envs: episodes in lockstep.
        noise: see `EntropyPointEnv`, as for the next four.
        horizon: steps of an episode.
        task: name of the goal, or None.
        gain: speed that a full action adds.
        width: of the reward's bell.
        render_mode: None or "rgb_array".
        autoreset_mode: "NextStep", "SameStep" or "Disabled", or the enum.

    Attributes:
        world: the rules.
        state: float64 (num_envs, 4), position and velocity of each point.
        time: int64 (num_envs,), steps taken in each episode.

    Raises:
        UserError: for the arguments that `EntropyPointEnv` refuses, or no episodes.
    """

    metadata: dict[str, Any] = {
        "render_modes": ["rgb_array"],
        "render_fps": 20,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    def __init__(
        self,
        num_envs: int = 1,
        noise: float = 0.03,
        horizon: int = 200,
        task: str | None = None,
        gain: float = 0.02,
        width: float = 0.15,
        render_mode: str | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
    ) -> None:
        if num_envs < 1:
            raise UserError(f"num_envs must be 1 or more, got {num_envs}.")
        self.num_envs, self.render_mode = num_envs, render_mode
        self.world = World.build(noise, horizon, task, gain, width)
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.metadata = {**self.metadata, "autoreset_mode": self.autoreset_mode}
        self.single_observation_space, self.single_action_space = spaces()
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._rngs: list[np.random.Generator | None] = [None] * num_envs
        self._kicks = np.zeros((num_envs, horizon, 2))
        self._paths = np.zeros((num_envs, horizon + 1, 2))
        self._all = np.arange(num_envs)
        self.state = np.zeros((num_envs, 4))
        self.time = np.zeros(num_envs, np.int64)
        self.collected = np.zeros(num_envs)
        self._started = False

    @property
    def over(self) -> Flags:
        """Bool (num_envs,), which episodes have ended."""
        return self.time >= self.world.horizon

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Observation, dict[str, Any]]:
        """Start all episodes, or those of a mask.

        Args:
            seed: s seeds episode i with s + i; a list gives each its own; None
                goes on with each one's random numbers.
            options: "reset_mask", bool (num_envs,), False leaves an episode as it is.

        Returns:
            Observations float32 (num_envs, 4) and an empty info.

        Raises:
            UserError: for seeds or a mask of another length than `num_envs`.
        """
        lanes, seeds = self._masked((options or {}).get("reset_mask")), self._seeds(seed)
        for lane in lanes.tolist():
            if seeds[lane] is not None or self._rngs[lane] is None:
                self._rngs[lane] = np_random(seeds[lane])[0]
        self._deal(lanes)
        self._started = True
        return observed(self.state), {}

    def step(self, actions: NDArray[np.floating]) -> Step:
        """Push in every episode.

        Args:
            actions: (num_envs, 2) in [-1, 1]; ignored where an episode is over.

        Returns:
            Observations float32 (num_envs, 4), rewards float64, terminations and
            truncations bool (num_envs,), and infos in Gymnasium's vector form.

        Raises:
            UserError: for other actions.
            ResetNeeded: before the first `reset`.
        """
        if not self._started:
            raise ResetNeeded("Call `reset` before `step`.")
        chosen, waiting = checked(actions, self.num_envs), self.over
        kicks = self._kicks[self._all, np.minimum(self.time, self.world.horizon - 1)]
        moved = self.world.step(self.state, chosen, kicks)
        idle = waiting.any()
        if idle:
            moved = np.where(waiting[:, None], self.state, moved)
        rewards = self.world.reward(moved) * ~waiting
        self.state, self.time = moved, self.time + ~waiting
        self.collected = self.collected + rewards
        self._paths[self._all, self.time] = moved[:, :2]
        if idle and self.autoreset_mode == AutoresetMode.NEXT_STEP:
            self._deal(np.flatnonzero(waiting))
        truncations = self.over
        infos: dict[str, Any] = {}
        if self.autoreset_mode == AutoresetMode.SAME_STEP and truncations.any():
            infos = self._finish(np.flatnonzero(truncations))
        return observed(self.state), rewards, np.zeros_like(truncations), truncations, infos

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:
        """One picture an episode, each uint8 (400, 640, 3); None without a render mode."""
        if self.render_mode is None:
            return None
        from leapbench.envs.urlb.point.render import Scene, draw

        return tuple(
            draw(Scene(self.world, path[: time + 1], float(total)))
            for path, time, total in zip(self._paths, self.time, self.collected, strict=True)
        )

    def _deal(self, lanes: Wholes) -> None:
        """Start new episodes in `lanes`."""
        # A new array: the rollout may still hold the old one.
        self.state = self.state.copy()
        for lane in lanes.tolist():
            rng = self._rngs[lane]
            if rng is not None:
                self.state[lane], self._kicks[lane] = self.world.begin(rng)
        self.time[lanes], self.collected[lanes] = 0, 0.0
        self._paths[lanes, 0] = self.state[lanes, :2]

    def _finish(self, lanes: Wholes) -> dict[str, Any]:
        """Infos of the episodes that have just ended, which start again."""
        infos: dict[str, Any] = {}
        last = observed(self.state)
        for lane in lanes.tolist():
            nested = {"final_obs": last[lane], "final_info": {}}
            infos = self._add_info(infos, nested, lane)
        self._deal(lanes)
        return infos

    def _seeds(self, seed: int | Sequence[int | None] | None) -> list[int | None]:
        if seed is None:
            return [None] * self.num_envs
        if isinstance(seed, int | np.integer):
            return [int(seed) + lane for lane in range(self.num_envs)]
        if len(seed) != self.num_envs:
            raise UserError(f"seed must list {self.num_envs} seeds, got {len(seed)}.")
        return list(seed)

    def _masked(self, mask: Flags | None) -> Wholes:
        if mask is None:
            return self._all
        mask = np.asarray(mask)
        if mask.shape != (self.num_envs,) or mask.dtype != np.bool_ or not mask.any():
            raise UserError(
                f"reset_mask must be {self.num_envs} booleans, one of them True, "
                f"got {mask.dtype} of shape {mask.shape}."
            )
        return np.flatnonzero(mask)
