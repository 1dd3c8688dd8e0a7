"""Proximal policy optimisation over moves."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import stable_baselines3 as sb3
from stable_baselines3.common.base_class import BaseAlgorithm

from leapbench.agents.common.bounds import bounded
from leapbench.agents.common.sb3_library import Library


class PPO(Library):
    """PPO (Schulman et al., 2017) of Stable-Baselines3 with small networks.

    Args:
        hidden: units of both hidden layers.
        lr: learning rate of Adam.
        steps: decisions between two updates.
        epochs: passes over the decisions of an update.
        batch: decisions in a gradient step.
        discount: of a step; the return of an episode is what it has gained in all.
        entropy: weight of the entropy bonus.
    """

    plays = True

    def __init__(
        self,
        hidden: int = 32,
        lr: float = 1e-3,
        steps: int = 48,
        epochs: int = 8,
        batch: int = 24,
        discount: float = 1.0,
        entropy: float = 0.01,
    ) -> None:
        super().__init__()
        self.hidden, self.lr, self.steps, self.epochs = hidden, lr, steps, epochs
        self.batch, self.discount, self.entropy = batch, discount, entropy
        least = {"hidden": 1, "steps": 2, "epochs": 1, "batch": 2, "entropy": 0}
        bounded(self, least, positive=("lr",), shares=("discount",))

    def algorithm(
        self, env: gym.Env[Any, Any], limit: int, seed: int, device: str
    ) -> BaseAlgorithm:
        """See `Library.algorithm`."""
        return sb3.PPO(
            "MlpPolicy",
            env,
            learning_rate=self.lr,
            n_steps=self.steps,
            batch_size=min(self.batch, self.steps),
            n_epochs=self.epochs,
            gamma=self.discount,
            ent_coef=self.entropy,
            policy_kwargs={"net_arch": [self.hidden, self.hidden]},
            seed=seed,
            device=device,
        )
