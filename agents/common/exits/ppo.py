"""Proximal policy optimisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import stable_baselines3 as sb3
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import ActorCriticPolicy
from torch import nn

from leapbench.agents.common.bounds import bounded
from leapbench.agents.common.exits.rl import NetworkPolicy
from leapbench.agents.common.vecenv import VectorAdapter


@dataclass(kw_only=True, eq=False)
class PPO(NetworkPolicy):
    """PPO (Schulman et al., 2017) with a separate critic.

    Args:
        steps: most decisions of each stream between two updates.
        rollouts: updates to aim at; a small budget shortens `steps` for it, down to 8.
        epochs: passes over the decisions of an update.
        batch: decisions in a gradient step.
        gae_lambda: of generalised advantage estimation.
        entropy: weight of the entropy bonus.
    """

    lr: float = 2e-3
    steps: int = 64
    rollouts: int = 16
    epochs: int = 6
    batch: int = 512
    gae_lambda: float = 0.95
    entropy: float = 0.0

    def __post_init__(self) -> None:
        """See `NetworkPolicy`."""
        super().__post_init__()
        least = {"steps": 1, "rollouts": 1, "epochs": 1, "batch": 2, "entropy": 0}
        bounded(self, least, shares=("gae_lambda",))

    def algorithm(self, env: VectorAdapter, limit: int, seed: int) -> tuple[BaseAlgorithm, int]:
        """See `NetworkPolicy.algorithm`; whole rollouts only, so that none is cut short."""
        steps = max(8, min(self.steps, limit // (self.envs * self.rollouts)) // 8 * 8)
        algorithm = sb3.PPO(
            "MlpPolicy",
            env,
            learning_rate=lambda left: self.lr * left,
            n_steps=steps,
            batch_size=min(self.batch, steps * self.envs),
            n_epochs=self.epochs,
            gamma=1.0,
            gae_lambda=self.gae_lambda,
            ent_coef=self.entropy,
            policy_kwargs={"net_arch": [self.hidden, self.hidden], "activation_fn": nn.ReLU},
            seed=seed,
            device=self.device,
        )
        return algorithm, limit - limit % (self.envs * steps)

    def actor(self, algorithm: BaseAlgorithm) -> nn.Sequential:
        """See `NetworkPolicy.actor`."""
        policy = cast(ActorCriticPolicy, algorithm.policy)
        return nn.Sequential(*policy.mlp_extractor.policy_net, policy.action_net)
