"""A policy that is one small network over the discrete choices, learned in practice."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm
from torch import nn

from leapbench.agents.common.bounds import bounded
from leapbench.agents.common.mlp import mlp
from leapbench.agents.common.sb3_network import Progress, SB3Network
from leapbench.agents.common.vecenv import VectorAdapter
from leapbench.agents.distill.common.selector import likeness
from leapbench.contract.agent import LearningPhase
from leapbench.envs.distill.choices import Choices, Numbers
from leapbench.envs.distill.observation import Slot, parts


class Chosen(gym.vector.VectorWrapper):
    """The Box world with the actions of the discrete one; cut-off episodes count as ended.

    Args:
        env: the Box world, many at once.
        choices: what actions there are.
    """

    def __init__(self, env: gym.vector.VectorEnv[Any, Any, Any], choices: Choices) -> None:
        super().__init__(env)
        self.choices, self.numbers = choices, Numbers(choices.setup)
        self.single_action_space = gym.spaces.Discrete(choices.count)
        self.action_space = batch_space(self.single_action_space, env.num_envs)

    def reset(self, **named: Any) -> tuple[Any, dict[str, Any]]:
        """See `gymnasium.vector.VectorEnv.reset`."""
        self.seen, info = self.env.reset(**named)
        return self.seen, info

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """See `gymnasium.vector.VectorEnv.step`."""
        given = rows(self.choices, self.numbers, actions, self.seen)
        self.seen, reward, terminated, truncated, info = self.env.step(given)
        return self.seen, reward, terminated | truncated, np.zeros_like(truncated), info


def rows(
    choices: Choices, numbers: Numbers, chosen: Any, observation: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Rows of the Box world that mean choices of the discrete one, (B, numbers)."""
    owned = parts(np.asarray(observation))[1][..., Slot.OWNED] > 0
    each = zip(chosen, owned, strict=True)
    return np.stack([numbers.row(choices.decision(int(one), mine)) for one, mine in each])


class Learned(SB3Network[nn.Sequential]):
    """Acts on practice instances until the budget of rounds is used; no discount.

    Args:
        envs: practice episodes in lockstep.
        hidden: units of both hidden layers.
        lr: learning rate of Adam.
    """

    def __init__(self, envs: int, hidden: int, lr: float) -> None:
        self.envs, self.hidden, self.lr = envs, hidden, lr
        bounded(self, {"envs": 1, "hidden": 1}, ("lr",))
        self.sizes: dict[str, int] = {}

    @abstractmethod
    def algorithm(
        self, env: VectorAdapter, phase: LearningPhase
    ) -> tuple[BaseAlgorithm, int, Callable[[], nn.Sequential]]:
        """The algorithm, rounds to train it for, and what gives its scores of actions."""

    def trained(self, make_env: Callable[..., Any], phase: LearningPhase) -> nn.Sequential:
        """See `SB3Network.trained`."""
        inner = make_env(self.envs)
        usual = {"trajectories": 2, "checkpoints": 8, "blocks": 10}
        self.sizes = {key: int(phase.settings.get(key, usual[key])) for key in usual}
        self.sizes["columns"] = inner.single_observation_space.shape[0]
        env = VectorAdapter(Chosen(inner, Choices(likeness(self.sizes))))
        algorithm, rounds, scores = self.algorithm(env, phase)
        if rounds:
            algorithm.learn(rounds, callback=Progress(phase, rounds))
        env.close()
        network = self.built()
        network.load_state_dict(scores().state_dict())
        return network

    @torch.no_grad()
    def predict(
        self,
        observation: NDArray[np.float32],
        state: Any = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[np.float32], Any]:
        """The choice of the highest score, as rows of the Box world (B, numbers).

        Raises:
            UserError: before `learn` or `load`.
        """
        scores = self.learned()(torch.from_numpy(np.asarray(observation, np.float32)))
        setup = likeness(self.sizes)
        chosen = scores.argmax(1).tolist()
        return rows(Choices(setup), Numbers(setup), chosen, observation), state

    def built(self) -> nn.Sequential:
        """See `SB3Network.built`."""
        count = Choices(likeness(self.sizes)).count
        return mlp((self.sizes["columns"], self.hidden, self.hidden, count))

    def record(self) -> dict[str, Any]:
        """Sizes and width."""
        return {"sizes": self.sizes, "hidden": self.hidden}

    def restore(self, record: dict[str, Any]) -> None:
        """Take over sizes and width."""
        self.sizes = {str(key): int(value) for key, value in record["sizes"].items()}
        self.hidden = int(record["hidden"])
