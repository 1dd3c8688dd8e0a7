"""PPO of Stable-Baselines3 where steps are dear and few."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import stable_baselines3 as sb3
from stable_baselines3.common.base_class import BaseAlgorithm

from leapbench.agents.common.bounds import bounded
from leapbench.agents.common.sb3_library import Library


class PPO(Library):
    """Proximal policy optimisation, either kind of action.

    Args:
        hidden: units of both hidden layers of policy and value.
        steps: of the world between two updates.
        batch: steps of a minibatch.
        rate: Adam's learning rate.
        discount: a step's; all that counts is the end.
    """

    def __init__(
        self,
        hidden: int = 32,
        steps: int = 40,
        batch: int = 20,
        rate: float = 1e-3,
        discount: float = 1.0,
    ) -> None:
        super().__init__()
        self.hidden, self.steps, self.batch = hidden, steps, batch
        self.rate, self.discount = rate, discount
        bounded(self, {"hidden": 1, "steps": 2, "batch": 2}, ("rate",), ("discount",))

    def algorithm(
        self, env: gym.Env[Any, Any], limit: int, seed: int, device: str
    ) -> BaseAlgorithm:
        """See `Library.algorithm`."""
        return sb3.PPO(
            "MlpPolicy",
            env,
            learning_rate=self.rate,
            n_steps=max(2, min(self.steps, limit)),
            batch_size=max(2, min(self.batch, limit)),
            gamma=self.discount,
            policy_kwargs={"net_arch": [self.hidden, self.hidden]},
            seed=seed,
            device=device,
        )
