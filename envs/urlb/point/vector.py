"""The entropy point, many episodes in lockstep."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray

from leapbench.envs.lockstep import EnvIndices, Flags, TimedVectorEnv
from leapbench.envs.refusals import begun, reals
from leapbench.envs.urlb.point.dynamics import PointWorld, observed
from leapbench.envs.urlb.point.env import Observation, spaces


class EntropyPointVectorEnv(
    TimedVectorEnv[Observation, Observation], VectorEnv[Observation, Observation, NDArray[Any]]
):
    """`EntropyPointEnv` for `num_envs` episodes at once, without a loop over them.

    Observations, rewards, ends and infos are those of Gymnasium's `SyncVectorEnv`
    over `EntropyPointEnv` with the same seeds and autoreset mode. Observations are
    float32 (num_envs, 4), actions (num_envs, 2) in [-1, 1].

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
        collected: float64 (num_envs,), reward of each episode so far.

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
        noise: float = 0.02,
        horizon: int = 200,
        task: str | None = None,
        gain: float = 0.02,
        width: float = 0.1,
        render_mode: str | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
    ) -> None:
        self.world = PointWorld.build(noise, horizon, task, gain, width)
        super().__init__(num_envs, *spaces(), horizon, render_mode, autoreset_mode)
        self._kicks = np.zeros((num_envs, horizon, 2))
        self._paths = np.zeros((num_envs, horizon + 1, 2))
        self.state = np.zeros((num_envs, 4))
        self.collected = np.zeros(num_envs)

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:
        """One picture an episode, each uint8 (400, 640, 3); None without a render mode."""
        if self.render_mode is None:
            return None
        begun(self._started)
        from leapbench.envs.urlb.point.render import PointPicture, draw

        return tuple(
            draw(PointPicture(self.world, path[: time + 1], float(total)))
            for path, time, total in zip(self._paths, self.time, self.collected, strict=True)
        )

    def _begin(self, index: int, rng: np.random.Generator) -> None:
        self.state[index], self._kicks[index] = self.world.begin(rng)
        self.collected[index] = 0.0
        self._paths[index, 0] = self.state[index, :2]

    def _move(
        self, actions: NDArray[np.float64], at: EnvIndices, waiting: Flags | None
    ) -> NDArray[np.float64]:
        moved = self.world.step(self.state, actions, self._kicks[self._all, at])
        if waiting is None:
            waiting = np.zeros(self.num_envs, np.bool_)
        self.state = np.where(waiting[:, None], self.state, moved) if waiting.any() else moved
        rewards = self.world.reward(self.state) * ~waiting
        self.collected = self.collected + rewards
        self._paths[self._all, np.where(waiting, self.time, at + 1)] = self.state[:, :2]
        return rewards

    def _observe(self) -> Observation:
        return observed(self.state)

    def _checked(self, actions: NDArray[np.floating]) -> NDArray[np.float64]:
        return reals(actions, (self.num_envs, 2)).astype(np.float64)
