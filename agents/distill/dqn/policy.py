"""Deep Q-learning over the discrete choices."""

from __future__ import annotations

from collections.abc import Callable

import stable_baselines3 as sb3
from stable_baselines3.common.base_class import BaseAlgorithm
from torch import nn

from leapbench.agents.common.vecenv import VectorAdapter
from leapbench.agents.distill.common.rl import Learned
from leapbench.contract.agent import LearningPhase


class DQN(Learned):
    """DQN (Mnih et al., Nature 2015).

    Args:
        envs: practice episodes in lockstep.
        hidden: units of both hidden layers.
        lr: learning rate of Adam.
        batch: rounds in a gradient step.
        exploration: share of the budget over which random choices fade to 5 %.
        updates: gradient steps for a round of all episodes.
    """

    def __init__(
        self,
        envs: int = 16,
        hidden: int = 64,
        lr: float = 1e-3,
        batch: int = 64,
        exploration: float = 0.6,
        updates: int = 8,
    ) -> None:
        super().__init__(envs, hidden, lr)
        self.batch, self.exploration, self.updates = batch, exploration, updates

    def algorithm(
        self, env: VectorAdapter, phase: LearningPhase
    ) -> tuple[BaseAlgorithm, int, Callable[[], nn.Sequential]]:
        """See `Learned.algorithm`."""
        rounds = phase.meter.left - phase.meter.left % self.envs
        algorithm = sb3.DQN(
            "MlpPolicy",
            env,
            learning_rate=self.lr,
            buffer_size=max(rounds, self.envs),
            learning_starts=rounds // 20,
            batch_size=self.batch,
            gamma=1.0,
            train_freq=1,
            gradient_steps=self.updates,
            target_update_interval=32 * self.envs,
            exploration_fraction=self.exploration,
            policy_kwargs={"net_arch": [self.hidden, self.hidden]},
            seed=phase.seed,
            device=phase.device,
        )
        return algorithm, rounds, lambda: algorithm.policy.q_net.q_net
