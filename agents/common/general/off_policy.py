"""DQN and SAC on the practice of any task that their actions fit."""

from __future__ import annotations

from typing import Any

import stable_baselines3 as sb3
from stable_baselines3.common.base_class import BaseAlgorithm

from leapbench.agents.common.bounds import bounded
from leapbench.agents.common.general.generalist import Generalist
from leapbench.agents.common.general.spaces import picture

WARMUP = 0.1
"""Share of the steps that are random."""
LONGEST = 1000
"""Most steps that are random."""


class OffPolicy(Generalist):
    """One update for each step after the first, which are random.

    Args:
        steps: most steps of a phase, where its budget allows more.
        hidden: units of both hidden layers.
        batch: transitions of an update.
        rate: Adam's learning rate.
        discount: of a step.
    """

    def __init__(self, steps: int, hidden: int, batch: int, rate: float, discount: float) -> None:
        super().__init__(steps)
        self.hidden, self.batch, self.rate, self.discount = hidden, batch, rate, discount
        bounded(self, {"steps": 2, "hidden": 1, "batch": 1}, ("rate",), ("discount",))

    def arguments(self, limit: int, seed: int, device: str) -> dict[str, Any]:
        """What both algorithms take."""
        return {
            "learning_rate": self.rate,
            "buffer_size": limit,
            "learning_starts": min(LONGEST, int(WARMUP * limit)),
            "batch_size": self.batch,
            "gamma": self.discount,
            "train_freq": 1,
            "gradient_steps": 1,
            "policy_kwargs": {"net_arch": [self.hidden, self.hidden]},
            "seed": seed,
            "device": device,
        }


class DQN(OffPolicy):
    """Deep Q-learning (Mnih et al., 2015); the library's target is copied more often.

    Args:
        steps: most steps of a phase, where its budget allows more.
        hidden: units of both hidden layers.
        batch: transitions of an update.
        rate: Adam's learning rate.
        discount: of a step.
        target: steps between two copies of the target network.
        exploration: share of the steps over which random actions become rare.
    """

    def __init__(
        self,
        steps: int = 4000,
        hidden: int = 64,
        batch: int = 32,
        rate: float = 5e-4,
        discount: float = 0.99,
        target: int = 200,
        exploration: float = 0.5,
    ) -> None:
        super().__init__(steps, hidden, batch, rate, discount)
        self.target, self.exploration = target, exploration
        bounded(self, {"target": 1}, shares=("exploration",))

    def algorithm(self, env: Any, limit: int, seed: int, device: str) -> BaseAlgorithm:
        """See `Generalist.algorithm`."""
        return sb3.DQN(
            "CnnPolicy" if picture(env.observation_space) else "MlpPolicy",
            env,
            target_update_interval=self.target,
            exploration_fraction=self.exploration,
            **self.arguments(limit, seed, device),
        )


class SAC(OffPolicy):
    """Soft actor-critic (Haarnoja et al., 2018).

    Args:
        steps: most steps of a phase, where its budget allows more.
        hidden: units of both hidden layers of actor and critics.
        batch: transitions of an update.
        rate: Adam's learning rate.
        discount: of a step.
    """

    def __init__(
        self,
        steps: int = 2000,
        hidden: int = 128,
        batch: int = 128,
        rate: float = 1e-3,
        discount: float = 0.99,
    ) -> None:
        super().__init__(steps, hidden, batch, rate, discount)

    def algorithm(self, env: Any, limit: int, seed: int, device: str) -> BaseAlgorithm:
        """See `Generalist.algorithm`."""
        return sb3.SAC(
            "CnnPolicy" if picture(env.observation_space) else "MlpPolicy",
            env,
            **self.arguments(limit, seed, device),
        )
