"""A policy that is one small network, learned by an algorithm of Stable-Baselines3."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from torch import nn

from leapbench.agents.common.mlp import load_weights, mlp, save_weights, seeded
from leapbench.agents.common.state import broken, require
from leapbench.agents.common.vecenv import VectorAdapter
from leapbench.contract.agent import LearningPhase
from leapbench.envs.earlyexit.observation import Column
from leapbench.errors import UserError

SETTINGS, WEIGHTS = "policy.json", "policy.safetensors"


@dataclass(kw_only=True, eq=False)
class NetworkPolicy(ABC):
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
        network: 14 inputs, two hidden layers with ReLU, a score for each action;
        None until learned. It acts on the CPU.
        device: where the algorithm learns.
    """

    stream: int = 16
    envs: int = 64
    hidden: int = 64
    lr: float = 1e-3
    network: nn.Sequential | None = field(default=None, init=False, repr=False)
    device: str = field(default="cpu", init=False, repr=False)

    @abstractmethod
    def algorithm(self, env: VectorAdapter, limit: int, seed: int) -> tuple[BaseAlgorithm, int]:
        """The algorithm on `env`, and the decisions to train it for, at most `limit`."""

    @abstractmethod
    def actor(self, algorithm: BaseAlgorithm) -> nn.Sequential:
        """The part of the trained networks that scores the two actions."""

    def learn(self, phase: LearningPhase) -> None:
        """Train until what is left of the budget pays for no further update.

        Raises:
            UserError: when there is no environment, or too small a budget for one update.
        """
        if phase.make_env is None:
            raise UserError(f"{type(self).__name__} learns by acting, and got no environment.")
        self.device = phase.device
        with seeded(phase.seed):
            env = VectorAdapter(phase.make_env(self.envs, stream=self.stream))
            algorithm, decisions = self.algorithm(env, phase.meter.left, phase.seed)
            if decisions <= 0:
                raise UserError(
                    f"{phase.meter.left} {phase.meter.budget.unit} are too few for one update.",
                    f"Lower envs, which is {self.envs}.",
                )
            algorithm.learn(decisions, callback=Progress(phase, decisions))
            network = self._build()
            network.load_state_dict(self.actor(algorithm).state_dict())
        self.network = network

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
        scores = self._learned()(torch.from_numpy(np.asarray(observation, np.float32)))
        return np.asarray(scores.argmax(dim=1)), state

    def save(self, folder: Path) -> None:
        """Write `policy.json`, the hyper-parameters, and `policy.safetensors`.

        Raises:
            UserError: before `learn` or `load`.
        """
        network = self._learned()
        settings = {f.name: getattr(self, f.name) for f in fields(self) if f.init}
        (folder / SETTINGS).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
        save_weights(folder / WEIGHTS, network)

    def load(self, folder: Path) -> None:
        """Restore what `save` wrote.

        Raises:
            UserError: when a file is absent or is not of this policy.
        """
        try:
            settings = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
            self.hidden = int(settings["hidden"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise broken(folder / SETTINGS, self, error) from error
        network = self._build()
        load_weights(folder / WEIGHTS, network, self)
        self.network = network

    def _build(self) -> nn.Sequential:
        return mlp((len(Column), self.hidden, self.hidden, 2))

    def _learned(self) -> nn.Sequential:
        require(self.network is not None, self)
        assert self.network is not None  # noqa: S101 - told to the type checker
        return self.network


class Progress(BaseCallback):
    """Reports to the phase, at most a hundred times.

    Args:
        phase: whose `report` is called.
        decisions: number of decisions that the algorithm is trained for.
    """

    def __init__(self, phase: LearningPhase, decisions: int) -> None:
        super().__init__()
        self._phase, self._decisions, self._shown = phase, decisions, 0

    def _on_step(self) -> bool:
        percent = 100 * self.num_timesteps // self._decisions
        if percent > self._shown:
            self._shown = percent
            self._phase.report(percent / 100, f"{self.num_timesteps} decisions")
        return True
