"""DQN and PPO of Stable-Baselines3 with its network for pixels."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import stable_baselines3 as sb3
from stable_baselines3.common.base_class import BaseAlgorithm

from leapbench.agents.common.bounds import bounded
from leapbench.agents.common.sb3_library import Library


class DQN(Library):
    """Deep Q-learning.

    The library copies its target every 10,000 steps and updates every fourth, for budgets
    of millions; here the target, the updates and the warm-up are settings.

    Args:
        rate: Adam's learning rate.
        batch: transitions of an update.
        warmup: steps with random actions before the first update.
        updates: for each step.
        target: steps between two copies of the target network.
        exploration: share of the steps over which random actions become rare.
    """

    def __init__(
        self,
        rate: float = 1e-4,
        batch: int = 32,
        warmup: int = 2000,
        updates: int = 1,
        target: int = 1000,
        exploration: float = 0.1,
    ) -> None:
        super().__init__()
        self.rate, self.batch, self.warmup = rate, batch, warmup
        self.updates, self.target, self.exploration = updates, target, exploration
        least = {"batch": 1, "warmup": 0, "updates": 1, "target": 1}
        bounded(self, least, ("rate",), ("exploration",))

    def algorithm(
        self, env: gym.Env[Any, Any], limit: int, seed: int, device: str
    ) -> BaseAlgorithm:
        """See `Library.algorithm`."""
        return sb3.DQN(
            "CnnPolicy",
            env,
            learning_rate=self.rate,
            buffer_size=limit,
            learning_starts=self.warmup,
            batch_size=self.batch,
            train_freq=1,
            gradient_steps=self.updates,
            target_update_interval=self.target,
            exploration_fraction=self.exploration,
            exploration_final_eps=0.01,
            seed=seed,
            device=device,
        )


class PPO(Library):
    """Proximal policy optimisation, with the rates that are usual on Atari.

    Args:
        rate: Adam's learning rate.
        rollout: steps between two updates.
        batch: of a minibatch.
        epochs: passes over a rollout.
        clip: of the ratio.
        entropy: weight of its bonus.
    """

    def __init__(
        self,
        rate: float = 2.5e-4,
        rollout: int = 512,
        batch: int = 128,
        epochs: int = 4,
        clip: float = 0.1,
        entropy: float = 0.01,
    ) -> None:
        super().__init__()
        self.rate, self.rollout, self.batch = rate, rollout, batch
        self.epochs, self.clip, self.entropy = epochs, clip, entropy
        bounded(self, {"rollout": 2, "batch": 2, "epochs": 1, "entropy": 0}, ("rate", "clip"))

    def algorithm(
        self, env: gym.Env[Any, Any], limit: int, seed: int, device: str
    ) -> BaseAlgorithm:
        """See `Library.algorithm`."""
        return sb3.PPO(
            "CnnPolicy",
            env,
            learning_rate=self.rate,
            n_steps=min(self.rollout, max(2, limit)),
            batch_size=min(self.batch, max(2, limit)),
            n_epochs=self.epochs,
            clip_range=self.clip,
            ent_coef=self.entropy,
            seed=seed,
            device=device,
        )
