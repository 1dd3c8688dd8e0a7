"""A policy that is one small network, learned by an algorithm of Stable-Baselines3."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm
from torch import Tensor, nn

from leapbench.agents.common.bounds import bounded
from leapbench.agents.common.mlp import mlp
from leapbench.agents.common.sb3_network import Progress, SB3Network
from leapbench.agents.common.vecenv import VectorAdapter
from leapbench.contract.agent import LearningPhase
from leapbench.errors import UserError


@dataclass(kw_only=True, eq=False)
class NetworkPolicy(SB3Network[nn.Sequential]):
    """Learns by acting in practice streams until the budget of decisions is used.

    Practice streams are shorter than those of the evaluation. A price paid now is
    felt through what is left at the end of a stream, and the ends of long streams
    are too far and too few to learn from; every column of the observation that
    tells of the stream is a fraction, so that what is learned carries over. Returns
    are not discounted: a discount per decision would reward leaving early as such.

    Args:
        stream: samples in a practice stream.
        envs: practice streams in lockstep.
        hidden: width of both hidden layers.
        lr: learning rate of Adam at the start, annealed to 0 along a line.

    Attributes:
        network: two hidden layers with ReLU, a score for each action; None until
        learned. It acts on the CPU.
        inputs: numbers in an observation, known after learning.
        actions: actions that are scored, known after learning.
        skipped: numbers of an observation before those that say what may be done, for
            families in which that is not everything.
        device: where the algorithm learns.
    """

    stream: int = 16
    envs: int = 64
    hidden: int = 64
    lr: float = 1e-3
    device: str = field(default="cpu", init=False, repr=False)
    inputs: int = field(default=0, init=False, repr=False)
    actions: int = field(default=0, init=False, repr=False)
    skipped: int = field(default=0, init=False, repr=False)

    def __post_init__(self) -> None:
        """Check the settings; nothing is learned yet."""
        bounded(self, {"stream": 1, "envs": 1, "hidden": 1}, positive=("lr",))

    @abstractmethod
    def algorithm(self, env: VectorAdapter, limit: int, seed: int) -> tuple[BaseAlgorithm, int]:
        """The algorithm on `env`, and the decisions to train it for, at most `limit`."""

    @abstractmethod
    def actor(self, algorithm: BaseAlgorithm) -> nn.Sequential:
        """The part of the trained networks that scores the actions."""

    def trained(self, make_env: Callable[..., Any], phase: LearningPhase) -> nn.Sequential:
        """See `SB3Network.trained`.

        Raises:
            UserError: when the budget is too small for one update.
        """
        self.device = phase.device
        env = VectorAdapter(make_env(self.envs, stream=self.stream))
        self.inputs = int(env.observation_space.shape[0])  # type: ignore[index]
        self.actions = int(env.action_space.n)  # type: ignore[attr-defined]
        algorithm, decisions = self.algorithm(env, phase.meter.left, phase.seed)
        if decisions <= 0:
            raise UserError(
                f"{phase.meter.left} {phase.meter.budget.unit} are too few for one update.",
                f"Lower envs, which is {self.envs}.",
            )
        algorithm.learn(decisions, callback=Progress(phase, decisions))
        network = self.built()
        network.load_state_dict(self.actor(algorithm).state_dict())
        return network

    @torch.no_grad()
    def predict(
        self,
        observation: NDArray[np.float32],
        state: Any = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[np.int64], Any]:
        """The action of the higher score; see `leapbench.contract.agent.Policy.predict`.

        Raises:
            UserError: before `learn` or `load`.
        """
        scores = self.learned()(torch.from_numpy(np.asarray(observation, np.float32)))
        return np.asarray(self.allowed(scores, observation).argmax(dim=1)), state

    def allowed(self, scores: Tensor, observation: NDArray[np.float32]) -> Tensor:
        """Scores (B, actions) among which the highest is taken; by default all of them."""
        return scores

    def built(self) -> nn.Sequential:
        """See `SB3Network.built`."""
        return mlp((self.inputs, self.hidden, self.hidden, self.actions))

    def record(self) -> dict[str, Any]:
        """Every setting, and the network's ends."""
        settings = {each.name: getattr(self, each.name) for each in fields(self) if each.init}
        ends = {"inputs": self.inputs, "actions": self.actions, "skipped": self.skipped}
        return settings | ends

    def restore(self, record: dict[str, Any]) -> None:
        """Take over the widths."""
        self.hidden = int(record["hidden"])
        self.inputs, self.actions = int(record["inputs"]), int(record["actions"])
        self.skipped = int(record["skipped"])
