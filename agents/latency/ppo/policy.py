"""Proximal policy optimisation on either world of choices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import stable_baselines3 as sb3
import torch
from numpy.typing import NDArray
from torch import nn

from leapbench.agents.common.bounds import bounded
from leapbench.agents.common.mlp import mlp
from leapbench.agents.common.sb3_network import Progress, SB3Network
from leapbench.agents.common.vecenv import VectorAdapter
from leapbench.contract.agent import LearningPhase
from leapbench.errors import UserError


class PPO(SB3Network[nn.Sequential]):
    """PPO (Schulman et al., 2017) of Stable-Baselines3, with a separate critic and no discount.

    Args:
        envs: streams in lockstep.
        steps: steps of each between two updates; one where episodes have one.
        hidden: width of both hidden layers.
        rate: learning rate of Adam at the start, annealed to 0 along a line.
        epochs: passes over the steps of an update.
        batch: steps of a gradient step.
        entropy: weight of the entropy bonus.
    """

    def __init__(
        self,
        envs: int = 32,
        steps: int = 48,
        hidden: int = 64,
        rate: float = 2e-3,
        epochs: int = 6,
        batch: int = 256,
        entropy: float = 0.003,
    ) -> None:
        self.envs, self.steps, self.hidden, self.rate = envs, steps, hidden, rate
        self.epochs, self.batch, self.entropy = epochs, batch, entropy
        bounded(self, {"envs": 1, "steps": 1, "hidden": 1, "epochs": 1, "batch": 1}, ("rate",))
        self.columns, self.actions = 0, 0

    def trained(self, make_env: Callable[..., Any], phase: LearningPhase) -> nn.Sequential:
        """See `SB3Network.trained`.

        Raises:
            UserError: when the budget is too small for one update.
        """
        env, limit = VectorAdapter(make_env(self.envs)), phase.meter.left
        self.columns = int(env.observation_space.shape[0])  # type: ignore[index]
        self.actions = int(env.action_space.n)  # type: ignore[attr-defined]
        each = self.envs * self.steps
        if limit < each:
            raise UserError(f"An update takes {each} steps, and {limit} are left.")
        algorithm = sb3.PPO(
            "MlpPolicy",
            env,
            learning_rate=lambda left: self.rate * left,
            n_steps=self.steps,
            batch_size=min(self.batch, each),
            n_epochs=self.epochs,
            gamma=1.0,
            ent_coef=self.entropy,
            policy_kwargs={"net_arch": [self.hidden, self.hidden], "activation_fn": nn.ReLU},
            seed=phase.seed,
            device=phase.device,
        )
        limit -= limit % each
        algorithm.learn(limit, callback=Progress(phase, limit))
        policy = algorithm.policy
        return nn.Sequential(*policy.mlp_extractor.policy_net, policy.action_net).cpu()

    def built(self) -> nn.Sequential:
        """See `SB3Network.built`."""
        return mlp((self.columns, self.hidden, self.hidden, self.actions))

    def record(self) -> dict[str, Any]:
        """Sizes of the network."""
        return {"columns": self.columns, "actions": self.actions, "hidden": self.hidden}

    def restore(self, record: dict[str, Any]) -> None:
        """Take over the sizes."""
        self.columns, self.actions = int(record["columns"]), int(record["actions"])
        self.hidden = int(record["hidden"])

    @torch.inference_mode()
    def predict(
        self,
        observation: NDArray[np.float32],
        state: Any = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[np.int64], Any]:
        """The likeliest actions, int64 (B,).

        Raises:
            UserError: before `learn` or `load`.
        """
        scores = self.learned()(torch.from_numpy(np.asarray(observation, np.float32)))
        return np.asarray(scores.argmax(dim=1)), state
