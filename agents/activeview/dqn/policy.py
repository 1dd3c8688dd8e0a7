"""Deep Q-learning over candidates."""

from __future__ import annotations

from typing import Any

import stable_baselines3 as sb3
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.dqn.policies import DQNPolicy, QNetwork

from leapbench.agents.activeview.common.rl import Learned
from leapbench.agents.activeview.common.scorer import Scorer
from leapbench.agents.common.sb3_network import Progress
from leapbench.agents.common.vecenv import VectorAdapter
from leapbench.contract.agent import LearningPhase

WORSE = 1.0
"""Gap in dB between the value of a candidate that was taken and the least of the others."""


class DQN(Learned):
    """DQN (Mnih et al., 2015) of Stable-Baselines3, its network scoring candidates.

    Args:
        envs: practice scenes in lockstep.
        hidden: units of both hidden layers.
        lr: learning rate of Adam.
        discount: of a step.
        batch: views in a gradient step.
        exploration: share of the budget over which random actions get rare.
        updates: gradient steps for a step of all scenes.
    """

    def __init__(
        self,
        envs: int = 8,
        hidden: int = 32,
        lr: float = 3e-3,
        discount: float = 0.9,
        batch: int = 64,
        exploration: float = 0.6,
        updates: int = 8,
    ) -> None:
        super().__init__(envs, hidden, lr, discount)
        self.batch, self.exploration, self.updates = batch, exploration, updates

    def algorithm(self, env: VectorAdapter, phase: LearningPhase) -> tuple[BaseAlgorithm, Scorer]:
        """See `Learned.algorithm`."""
        views = phase.meter.left - phase.meter.left % self.envs
        algorithm = sb3.DQN(
            ScoringQPolicy,
            env,
            learning_rate=self.lr,
            buffer_size=max(views, 1),
            learning_starts=min(self.batch, views // 2),
            batch_size=self.batch,
            gamma=self.discount,
            train_freq=1,
            gradient_steps=self.updates,
            target_update_interval=64,
            exploration_fraction=self.exploration,
            policy_kwargs={"hidden": self.hidden, "net_arch": []},
            seed=phase.seed,
            device=phase.device,
        )
        if views:
            algorithm.learn(views, callback=Progress(phase, views))
        return algorithm, algorithm.policy.q_net.q_net  # type: ignore[return-value]


class ScoringQPolicy(DQNPolicy):
    """Values of candidates from flattened tables, by a `Scorer`."""

    def __init__(self, *arguments: Any, hidden: int, **named: Any) -> None:
        self.hidden = hidden
        super().__init__(*arguments, **named)

    def make_q_net(self) -> QNetwork:
        """A Q-network of Stable-Baselines3 around a `Scorer`."""
        network = super().make_q_net()
        network.q_net = Scorer(self.hidden, WORSE)  # type: ignore[assignment]
        return network.to(self.device)
