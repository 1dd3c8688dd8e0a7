"""SAC of Stable-Baselines3, on states or pixels."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import stable_baselines3 as sb3
from stable_baselines3.common.base_class import BaseAlgorithm

from leapbench.agents.common.bounds import bounded
from leapbench.agents.common.sb3_library import Library


class SAC(Library):
    """Soft actor-critic, one update for each step.

    Args:
        hidden: units of both hidden layers of actor and critics.
        batch: transitions of an update.
        rate: Adam's learning rate.
        warmup: steps with random actions before the first update.
    """

    def __init__(
        self, hidden: int = 256, batch: int = 256, rate: float = 3e-4, warmup: int = 1000
    ) -> None:
        super().__init__()
        self.hidden, self.batch, self.rate, self.warmup = hidden, batch, rate, warmup
        bounded(self, {"hidden": 1, "batch": 1, "warmup": 0}, ("rate",))

    def algorithm(
        self, env: gym.Env[Any, Any], limit: int, seed: int, device: str
    ) -> BaseAlgorithm:
        """See `Library.algorithm`."""
        shape = env.observation_space.shape or ()
        return sb3.SAC(
            "CnnPolicy" if len(shape) == 3 else "MlpPolicy",
            env,
            learning_rate=self.rate,
            buffer_size=limit,
            learning_starts=self.warmup,
            batch_size=self.batch,
            policy_kwargs={"net_arch": [self.hidden, self.hidden]},
            seed=seed,
            device=device,
        )
