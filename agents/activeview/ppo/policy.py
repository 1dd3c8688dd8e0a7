"""Proximal policy optimisation over candidates."""

from __future__ import annotations

from typing import Any

import stable_baselines3 as sb3
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import ActorCriticPolicy
from torch import nn

from leapbench.agents.activeview.common.rl import NEVER, Learned
from leapbench.agents.activeview.common.scorer import Scorer, Value
from leapbench.agents.common.sb3_network import Progress
from leapbench.agents.common.vecenv import VectorAdapter
from leapbench.contract.agent import LearningPhase


class PPO(Learned):
    """PPO (Schulman et al., 2017) of Stable-Baselines3, its networks scoring candidates.

    Args:
        envs: practice scenes in lockstep.
        hidden: units of both hidden layers.
        lr: learning rate of Adam.
        discount: of a step.
        steps: views of each scene between two updates.
        epochs: passes over the views of an update.
        batch: views in a gradient step.
        entropy: weight of the entropy bonus.
    """

    def __init__(
        self,
        envs: int = 8,
        hidden: int = 32,
        lr: float = 3e-3,
        discount: float = 0.9,
        steps: int = 8,
        epochs: int = 8,
        batch: int = 32,
        entropy: float = 0.01,
    ) -> None:
        super().__init__(envs, hidden, lr, discount)
        self.steps, self.epochs, self.batch, self.entropy = steps, epochs, batch, entropy

    def algorithm(self, env: VectorAdapter, phase: LearningPhase) -> tuple[BaseAlgorithm, Scorer]:
        """See `Learned.algorithm`; whole rollouts only."""
        views, rollout = phase.meter.left, self.envs * self.steps
        algorithm = sb3.PPO(
            ScoringPolicy,
            env,
            learning_rate=self.lr,
            n_steps=self.steps,
            batch_size=min(self.batch, rollout),
            n_epochs=self.epochs,
            gamma=self.discount,
            ent_coef=self.entropy,
            policy_kwargs={"hidden": self.hidden, "net_arch": []},
            seed=phase.seed,
            device=phase.device,
        )
        if views >= rollout:
            algorithm.learn(views - views % rollout, callback=Progress(phase, views))
        return algorithm, algorithm.policy.action_net  # type: ignore[return-value]


class ScoringPolicy(ActorCriticPolicy):
    """Actor and critic that look at flattened tables through `Scorer` and `Value`."""

    action_net: nn.Module  # type: ignore[assignment]

    def __init__(self, *arguments: Any, hidden: int, **named: Any) -> None:
        self.hidden = hidden
        super().__init__(*arguments, **named)

    def _build(self, lr_schedule: Any) -> None:
        super()._build(lr_schedule)
        self.action_net = Scorer(self.hidden, NEVER)
        self.value_net = Value(self.hidden)  # type: ignore[assignment]
        self.optimizer = self.optimizer_class(
            self.parameters(),
            lr=lr_schedule(1),  # type: ignore[call-arg]
            **self.optimizer_kwargs,
        )
