"""The entropy grid, many episodes in lockstep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.utils.seeding import np_random
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from leapbench.envs.urlb.grid.dynamics import ACTIONS, Wholes, World
from leapbench.errors import UserError

Flags = NDArray[np.bool_]
Step = tuple[Wholes, NDArray[np.float64], Flags, Flags, dict[str, Any]]


class EntropyGridVectorEnv(VectorEnv[Wholes, Wholes, NDArray[Any]]):
    """`EntropyGridEnv` for `num_envs` episodes at once, without a loop over them.

    Observations, rewards, ends and infos are those of Gymnasium's `SyncVectorEnv`
    over `EntropyGridEnv` with the same seeds and autoreset mode. With autoreset
    disabled, where that class forbids a step, an episode that is over stays over,
    without reward, until `reset`.

    Args:
        num_envs: episodes in lockstep.
        size: see `EntropyGridEnv`, as for the next three.
        noise: probability of a gust.
        horizon: steps of an episode.
        task: name of the goal, or None.
        render_mode: None or "rgb_array".
        autoreset_mode: "NextStep", "SameStep" or "Disabled", or the enum.

    Attributes:
        world: the rules and tables.
        cell: int64 (num_envs,), where each agent is.
        time: int64 (num_envs,), steps taken in each episode.

    Raises:
        UserError: for the arguments that `EntropyGridEnv` refuses, or no episodes.
    """

    metadata: dict[str, Any] = {
        "render_modes": ["rgb_array"],
        "render_fps": 8,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    def __init__(
        self,
        num_envs: int = 1,
        size: int = 13,
        noise: float = 0.6,
        horizon: int = 60,
        task: str | None = None,
        render_mode: str | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
    ) -> None:
        if num_envs < 1:
            raise UserError(f"num_envs must be 1 or more, got {num_envs}.")
        self.num_envs, self.render_mode = num_envs, render_mode
        self.world = World.build(size, noise, horizon, task)
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.metadata = {**self.metadata, "autoreset_mode": self.autoreset_mode}
        self.single_observation_space = gym.spaces.Discrete(self.world.cells)
        self.single_action_space = gym.spaces.Discrete(len(ACTIONS))
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._rngs: list[np.random.Generator | None] = [None] * num_envs
        self._weather = np.zeros((num_envs, horizon), np.int64)
        self._paths = np.zeros((num_envs, horizon + 1), np.int64)
        self._all = np.arange(num_envs)
        self.cell = np.full(num_envs, self.world.start)
        self.time = np.zeros(num_envs, np.int64)
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
    ) -> tuple[Wholes, dict[str, Any]]:
        """Start all episodes, or those of a mask.

        Args:
            seed: s seeds episode i with s + i; a list gives each its own; None
                goes on with each one's random numbers.
            options: "reset_mask", bool (num_envs,), False leaves an episode as it is.

        Returns:
            Cells int64 (num_envs,) and an empty info.

        Raises:
            UserError: for seeds or a mask of another length than `num_envs`.
        """
        lanes, seeds = self._masked((options or {}).get("reset_mask")), self._seeds(seed)
        for lane in lanes.tolist():
            if seeds[lane] is not None or self._rngs[lane] is None:
                self._rngs[lane] = np_random(seeds[lane])[0]
        self._deal(lanes)
        self._started = True
        return self.cell.copy(), {}

    def step(self, actions: Wholes) -> Step:
        """Move in every episode.

        Args:
            actions: integers (num_envs,); ignored where an episode is over.

        Returns:
            Cells int64 (num_envs,), rewards float64, terminations and truncations
            bool (num_envs,), and infos in Gymnasium's vector form.

        Raises:
            UserError: for other actions.
            ResetNeeded: before the first `reset`.
        """
        if not self._started:
            raise ResetNeeded("Call `reset` before `step`.")
        chosen, world, waiting = self._checked(actions), self.world, self.over
        gusts = self._weather[self._all, np.minimum(self.time, world.horizon - 1)]
        moved = world.step(self.cell, chosen, gusts)
        idle = waiting.any()
        if idle:
            moved = np.where(waiting, self.cell, moved)
        self.cell = moved
        rewards = (world.goal[moved] & ~waiting).astype(np.float64)
        self.time = self.time + ~waiting
        self._paths[self._all, self.time] = moved
        if idle and self.autoreset_mode == AutoresetMode.NEXT_STEP:
            self._deal(np.flatnonzero(waiting))
        truncations = self.over
        infos: dict[str, Any] = {}
        if self.autoreset_mode == AutoresetMode.SAME_STEP and truncations.any():
            infos = self._finish(np.flatnonzero(truncations))
        return self.cell.copy(), rewards, np.zeros_like(truncations), truncations, infos

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:
        """One picture an episode, each uint8 (400, 640, 3); None without a render mode."""
        if self.render_mode is None:
            return None
        from leapbench.envs.urlb.grid.render import Scene, draw

        paths = [
            path[: time + 1] for path, time in zip(self._paths, self.time.tolist(), strict=True)
        ]
        goal = self.world.goal
        return tuple(draw(Scene(self.world, p, float(goal[p[1:]].sum()))) for p in paths)

    def _deal(self, lanes: Wholes) -> None:
        """Start new episodes in `lanes`."""
        for lane in lanes.tolist():
            rng = self._rngs[lane]
            if rng is not None:
                self._weather[lane] = self.world.weather(rng)
        self.cell[lanes], self.time[lanes] = self.world.start, 0
        self._paths[lanes, 0] = self.world.start

    def _finish(self, lanes: Wholes) -> dict[str, Any]:
        """Infos of the episodes that have just ended, which start again."""
        infos: dict[str, Any] = {}
        for lane in lanes.tolist():
            nested = {"final_obs": self.cell[lane], "final_info": {}}
            infos = self._add_info(infos, nested, lane)
        self._deal(lanes)
        return infos

    def _checked(self, actions: Wholes) -> Wholes:
        chosen = np.asarray(actions)
        shaped = chosen.shape == (self.num_envs,) and chosen.dtype.kind in "iu"
        if not shaped or chosen.min() < 0 or chosen.max() >= len(ACTIONS):
            raise UserError(
                f"actions must be {self.num_envs} integers from 0 to 4, "
                f"got {chosen.dtype} of shape {chosen.shape}."
            )
        return chosen

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
