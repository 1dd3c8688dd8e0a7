"""Proximal policy optimisation over the discrete choices."""

from __future__ import annotations

from collections.abc import Callable

import stable_baselines3 as sb3
from stable_baselines3.common.base_class import BaseAlgorithm
from torch import nn

from leapbench.agents.common.vecenv import VectorAdapter
from leapbench.agents.distill.common.rl import Learned
from leapbench.contract.agent import LearningPhase


class PPO(Learned):
    """PPO (Schulman et al., 2017) with a separate critic.

    Args:
        envs: practice episodes in lockstep.
        hidden: units of both hidden layers.
        lr: learning rate of Adam.
        steps: rounds of each episode between two updates.
        epochs: passes over the rounds of an update.
        entropy: weight of the entropy bonus.
    """

    def __init__(
        self,
        envs: int = 16,
        hidden: int = 64,
        lr: float = 2e-3,
        steps: int = 32,
        epochs: int = 6,
        entropy: float = 0.003,
    ) -> None:
        super().__init__(envs, hidden, lr)
        self.steps, self.epochs, self.entropy = steps, epochs, entropy

    def algorithm(
        self, env: VectorAdapter, phase: LearningPhase
    ) -> tuple[BaseAlgorithm, int, Callable[[], nn.Sequential]]:
        """See `Learned.algorithm`; whole updates only."""
        steps = max(2, min(self.steps, phase.meter.left // self.envs // 4))
        algorithm = sb3.PPO(
            "MlpPolicy",
            env,
            learning_rate=self.lr,
            n_steps=steps,
            batch_size=min(128, steps * self.envs),
            n_epochs=self.epochs,
            gamma=1.0,
            gae_lambda=0.95,
            ent_coef=self.entropy,
            policy_kwargs={"net_arch": [self.hidden, self.hidden], "activation_fn": nn.ReLU},
            seed=phase.seed,
            device=phase.device,
        )
        rounds = phase.meter.left - phase.meter.left % (self.envs * steps)

        def scores() -> nn.Sequential:
            policy = algorithm.policy
            return nn.Sequential(*policy.mlp_extractor.policy_net, policy.action_net)

        return algorithm, rounds, scores
