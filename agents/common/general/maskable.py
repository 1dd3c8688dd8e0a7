"""PPO that takes no action which a world rules out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm

from leapbench.agents.common.general.on_policy import PPO
from leapbench.agents.common.general.vector import allowed
from leapbench.agents.common.sb3_network import Progress
from leapbench.errors import Unavailable


class MaskablePPO(PPO):
    """PPO with invalid actions masked (Huang and Ontanon, 2022); plain PPO where none are.

    Which actions are allowed is read from the observation, see `Worlds`, so that it is known
    wherever the agent acts.

    Args:
        steps: most steps of a phase, where its budget allows more.
        hidden: units of both hidden layers of policy and value, behind pictures none.
        rollout: most steps of a sub-environment between two updates.
        batch: steps of a minibatch at most.
        epochs: passes over a rollout.
        rate: Adam's learning rate.
        discount: of a step.
        entropy: weight of the entropy bonus.

    Raises:
        Unavailable: without sb3-contrib.
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
        super().__init__(steps, hidden, rollout, batch, epochs, rate, discount, entropy)
        try:
            import sb3_contrib
        except ImportError:
            raise Unavailable(
                "general-maskable-ppo needs sb3-contrib, which is not installed.",
                "pip install 'leapbench[contrib]'",
            ) from None
        self._kind = sb3_contrib.MaskablePPO

    def algorithm(self, env: Any, limit: int, seed: int, device: str) -> BaseAlgorithm:
        """See `Generalist.algorithm`."""
        made: BaseAlgorithm = self._kind(
            *self.network_for(env), **self.settings(limit, seed, device)
        )
        return made

    def taught(self, algorithm: BaseAlgorithm, limit: int, callback: Progress) -> None:
        """See `Generalist.taught`."""
        algorithm.learn(limit, callback=callback, use_masking=bool(self.mask))  # type: ignore[call-arg]

    def predict(
        self,
        observation: NDArray[Any],
        state: Any = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[Any], Any]:
        """Actions (B,), none that the observation rules out.

        Raises:
            UserError: before `learn` or `load`.
        """
        masks = allowed(observation, self.mask) if self.mask else None
        actions, _ = self.learned().predict(
            observation,
            deterministic=deterministic,
            action_masks=masks,  # type: ignore[call-arg]
        )
        return np.asarray(actions), state
