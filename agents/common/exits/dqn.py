"""Deep Q-learning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import stable_baselines3 as sb3
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.dqn.policies import DQNPolicy
from torch import nn

from leapbench.agents.common.bounds import bounded
from leapbench.agents.common.exits.rl import NetworkPolicy
from leapbench.agents.common.vecenv import VectorAdapter


@dataclass(kw_only=True, eq=False)
class DQN(NetworkPolicy):
    """DQN (Mnih et al., Nature 2015), one gradient step for each step of all streams.

    Args:
        batch: decisions in a gradient step.
        target: gradient steps between two copies to the target network.
        exploration: fraction of the training over which random actions fade to 5 %.
    """

    envs: int = 32
    batch: int = 256
    target: int = 16
    exploration: float = 0.3

    def __post_init__(self) -> None:
        """See `NetworkPolicy`."""
        super().__post_init__()
        bounded(self, {"batch": 1, "target": 1}, shares=("exploration",))

    def algorithm(self, env: VectorAdapter, limit: int, seed: int) -> tuple[BaseAlgorithm, int]:
        """See `NetworkPolicy.algorithm`."""
        decisions = limit - limit % self.envs
        algorithm = sb3.DQN(
            "MlpPolicy",
            env,
            learning_rate=lambda left: self.lr * left,
            buffer_size=max(self.envs, min(decisions, 1_000_000)),
            learning_starts=decisions // 50,
            batch_size=self.batch,
            gamma=1.0,
            train_freq=1,
            gradient_steps=1,
            target_update_interval=self.target * self.envs,
            exploration_fraction=self.exploration,
            policy_kwargs={"net_arch": [self.hidden, self.hidden]},
            seed=seed,
            device=self.device,
        )
        return algorithm, decisions

    def actor(self, algorithm: BaseAlgorithm) -> nn.Sequential:
        """See `NetworkPolicy.actor`."""
        return cast(DQNPolicy, algorithm.policy).q_net.q_net
