"""The family's environments, as training and evaluation want them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode

from leapbench.contract.meter import Meter, MeteredVectorEnv

Vector = gym.vector.VectorEnv[Any, Any, Any]


def make(
    environment: str, num_envs: int, arguments: Mapping[str, Any], mode: AutoresetMode
) -> Vector:
    """A vector environment: the native one where there is one.

    Args:
        environment: Gymnasium id.
        num_envs: sub-environments.
        arguments: keyword arguments of the environment.
        mode: how episodes that have ended start again.
    """
    if gym.spec(environment).vector_entry_point is None:
        options = {"autoreset_mode": mode}
        return gym.make_vec(environment, num_envs, "sync", vector_kwargs=options, **arguments)
    native = "vector_entry_point"
    return gym.make_vec(environment, num_envs, native, autoreset_mode=mode, **arguments)


def training(
    environment: str, arguments: Mapping[str, Any], rewarded: bool, meter: Meter, num_envs: int
) -> MeteredVectorEnv:
    """A metered environment to learn in, without reward unless `rewarded`."""
    env = make(environment, num_envs, arguments, AutoresetMode.SAME_STEP)
    return MeteredVectorEnv(env if rewarded else RewardFree(env), meter)


class RewardFree(gym.vector.VectorWrapper):
    """Every reward is 0, whatever the environment gives."""

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Step all sub-environments; see `gymnasium.vector.VectorEnv.step`."""
        observation, reward, terminated, truncated, info = self.env.step(actions)
        return observation, np.zeros_like(reward), terminated, truncated, info
