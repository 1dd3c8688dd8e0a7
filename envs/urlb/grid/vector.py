"""The entropy grid, many episodes in lockstep."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray

from leapbench.envs.lockstep import EnvIndices, Flags, TimedVectorEnv
from leapbench.envs.refusals import begun, wholes
from leapbench.envs.urlb.grid.dynamics import ACTIONS, GridWorld, Wholes


class EntropyGridVectorEnv(TimedVectorEnv[Wholes, Wholes], VectorEnv[Wholes, Wholes, NDArray[Any]]):
    """`EntropyGridEnv` for `num_envs` episodes at once, without a loop over them.

    Observations, rewards, ends and infos are those of Gymnasium's `SyncVectorEnv`
    over `EntropyGridEnv` with the same seeds and autoreset mode. Cells are int64
    (num_envs,), actions integers (num_envs,).

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
        self.world = GridWorld.build(size, noise, horizon, task)
        cells, actions = gym.spaces.Discrete(self.world.cells), gym.spaces.Discrete(len(ACTIONS))
        super().__init__(num_envs, cells, actions, horizon, render_mode, autoreset_mode)
        self._weather = np.zeros((num_envs, horizon), np.int64)
        self._paths = np.zeros((num_envs, horizon + 1), np.int64)
        self.cell = np.full(num_envs, self.world.start)

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:
        """One picture an episode, each uint8 (400, 640, 3); None without a render mode."""
        if self.render_mode is None:
            return None
        begun(self._started)
        from leapbench.envs.urlb.grid.render import GridPicture, draw

        paths = [
            path[: time + 1] for path, time in zip(self._paths, self.time.tolist(), strict=True)
        ]
        goal = self.world.goal
        return tuple(draw(GridPicture(self.world, p, float(goal[p[1:]].sum()))) for p in paths)

    def _begin(self, index: int, rng: np.random.Generator) -> None:
        self._weather[index] = self.world.weather(rng)
        self.cell[index] = self._paths[index, 0] = self.world.start

    def _move(self, actions: Wholes, at: EnvIndices, waiting: Flags | None) -> NDArray[np.float64]:
        moved = self.world.step(self.cell, actions, self._weather[self._all, at])
        if waiting is None:
            self.cell = self._paths[self._all, at + 1] = moved
            return self.world.goal[moved].astype(np.float64)
        self.cell = np.where(waiting, self.cell, moved)
        self._paths[self._all, np.where(waiting, self.time, at + 1)] = self.cell
        return np.asarray(self.world.goal[self.cell] & ~waiting, np.float64)

    def _observe(self) -> Wholes:
        return self.cell.copy()

    def _checked(self, actions: Wholes) -> Wholes:
        return wholes(actions, self.num_envs, len(ACTIONS)).astype(np.int64, copy=False)
