"""One metered environment, given as a vector of one, as a plain Gymnasium environment."""

from __future__ import annotations

from typing import Any

import gymnasium as gym


class Alone(gym.Env[Any, Any]):
    """The only sub-environment of a vector environment that restarts in the ending step.

    Args:
        env: vector environment of one, with autoreset mode SAME_STEP.
    """

    def __init__(self, env: gym.vector.VectorEnv[Any, Any, Any]) -> None:
        self.env = env
        self.observation_space = env.single_observation_space
        self.action_space = env.single_action_space
        self._waiting: Any = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Start an episode; without a seed the one that has begun already is given."""
        if seed is not None or self._waiting is None:
            self._waiting, _ = self.env.reset(seed=seed, options=options)
        return self._waiting[0], {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Step; see `gymnasium.Env.step`."""
        self._waiting, reward, terminated, truncated, info = self.env.step(action[None])
        over = bool(terminated[0] or truncated[0])
        observation = info["final_obs"][0] if over else self._waiting[0]
        return observation, float(reward[0]), bool(terminated[0]), bool(truncated[0]), {}
