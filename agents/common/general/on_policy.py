"""PPO on the practice of any task."""

from __future__ import annotations

from typing import Any

import stable_baselines3 as sb3
from stable_baselines3.common.base_class import BaseAlgorithm

from leapbench.agents.common.bounds import bounded
from leapbench.agents.common.general.generalist import Generalist
from leapbench.agents.common.general.spaces import picture

LANES = 16
"""Most sub-environments in lockstep."""
EACH = 512
"""Fewest steps of a sub-environment, where there are several."""
UPDATES = 16
"""Rollouts at least that a budget is divided into."""
SHORT = 8
"""Fewest steps of a rollout."""


class PPO(Generalist):
    """Proximal policy optimisation (Schulman et al., 2017), either kind of action.

    The budget is divided into sixteen rollouts or more, down to eight steps each, and up to 16
    sub-environments are stepped together where each has 512 steps or more.

    Args:
        steps: most steps of a phase, where its budget allows more.
        hidden: units of both hidden layers of policy and value, behind pictures none.
        rollout: most steps of a sub-environment between two updates.
        batch: steps of a minibatch at most.
        epochs: passes over a rollout.
        rate: Adam's learning rate.
        discount: of a step.
        entropy: weight of the entropy bonus.
    """

    def __init__(
        self,
        steps: int = 8192,
        hidden: int = 64,
        rollout: int = 128,
        batch: int = 64,
        epochs: int = 10,
        rate: float = 1e-3,
        discount: float = 0.99,
        entropy: float = 0.01,
    ) -> None:
        super().__init__(steps)
        self.hidden, self.rollout, self.batch, self.epochs = hidden, rollout, batch, epochs
        self.rate, self.discount, self.entropy = rate, discount, entropy
        least = {"steps": 2, "hidden": 1, "rollout": 2, "batch": 2, "epochs": 1, "entropy": 0}
        bounded(self, least, ("rate",), ("discount",))

    def lanes(self, limit: int) -> int:
        """See `Generalist.lanes`."""
        return _power(min(LANES, limit // EACH))

    def algorithm(self, env: Any, limit: int, seed: int, device: str) -> BaseAlgorithm:
        """See `Generalist.algorithm`."""
        return sb3.PPO(*self.network_for(env), **self.settings(limit, seed, device))

    def network_for(self, env: Any) -> tuple[str, Any]:
        """The library's name of the policy that fits a world's observations, and the world."""
        return ("CnnPolicy" if picture(env.observation_space) else "MlpPolicy"), env

    def settings(self, limit: int, seed: int, device: str) -> dict[str, Any]:
        """Arguments of the algorithm for `limit` steps."""
        lanes = self.lanes(limit)
        rollout = max(SHORT, _power(min(self.rollout, limit // (lanes * UPDATES))))
        rollout = max(2, min(rollout, limit // lanes))
        return {
            "learning_rate": self.rate,
            "n_steps": rollout,
            "batch_size": min(self.batch, rollout * lanes),
            "n_epochs": self.epochs,
            "gamma": self.discount,
            "ent_coef": self.entropy,
            "policy_kwargs": {"net_arch": [self.hidden, self.hidden]},
            "seed": seed,
            "device": device,
        }


def _power(number: int) -> int:
    """The largest power of two that is not above a number, 1 at least."""
    return 1 << max(0, number.bit_length() - 1)
