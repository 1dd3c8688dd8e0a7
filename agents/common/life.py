"""The life of an agent that practises: learn, be saved, be loaded."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, cast

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from leapbench.agents.common.mlp import seeded
from leapbench.agents.common.practice import Point, Practice, Student, device_of, environment
from leapbench.agents.common.state import broken, require, under
from leapbench.contract.agent import LearningPhase

WEIGHTS, RECORD = "networks.safetensors", "agent.json"
Sizes = dict[str, Any]
"""What an environment says about networks, as JSON data."""


class HasParts(Protocol):
    """What is saved of a learner."""

    def parts(self) -> dict[str, nn.Module]:
        """Its networks by name."""


L = TypeVar("L", bound=HasParts)


class Life(ABC, Generic[L]):
    """Everything but how it learns and acts.

    Attributes:
        learner: the networks; None until something was learned.
        curve: returns and losses by steps, of the newest phase.
    """

    learner: L | None = None

    def __init__(self) -> None:
        self.sizes: Sizes = {}
        self.curve: list[Point] = []
        self._restart(0)

    @abstractmethod
    def measure(self, observation: Any, action: Any) -> Sizes:
        """Sizes from the spaces of a single environment.

        Raises:
            UserError: for spaces that it cannot learn on.
        """

    @abstractmethod
    def make(self, sizes: Sizes, seed: int, device: torch.device) -> L:
        """New networks."""

    @abstractmethod
    def student(self, learner: L, sizes: Sizes, limit: int, seed: int) -> Student:
        """Who practises with them for at most `limit` steps."""

    @abstractmethod
    def probe(self, phase: LearningPhase, learner: L) -> list[Point]:
        """Learn the model alone from the phase's data; see `agents.common.probe`.

        Returns:
            Losses by sequences.
        """

    @abstractmethod
    def sizes_of(self, data: Any) -> Sizes:
        """Sizes from what a phase gives to learn a model from, see `agents.common.probe`."""

    def learn(self, phase: LearningPhase) -> None:
        """Practise until the budget is spent, or learn the model alone where data are given.

        Raises:
            UserError: when the environment's spaces, or the data, do not fit.
        """
        if phase.data is None:
            env = environment(phase)
            self.sizes = self.measure(env.single_observation_space, env.single_action_space)
        else:
            self.sizes = self.sizes_of(phase.data)
        with seeded(phase.seed):
            learner = self.make(self.sizes, phase.seed, device_of(phase))
            if phase.data is None:
                student = self.student(learner, self.sizes, phase.meter.budget.limit, phase.seed)
                practice = Practice(phase, env, student)
                practice.run()
                self.curve = practice.curve
            else:
                self.curve = self.probe(phase, learner)
        self.learner = learner
        self._restart(phase.seed)
        phase.report(1.0, f"{phase.meter.used} {phase.meter.budget.unit} used")

    def save(self, folder: Path) -> None:
        """Write networks (safetensors), and sizes, seed and curve (JSON).

        Raises:
            UserError: before `learn` or `load`.
        """
        weights = {
            f"{name}.{key}": value.detach().cpu().contiguous()
            for name, part in self._require().parts().items()
            for key, value in part.state_dict().items()
        }
        save_file(weights, folder / WEIGHTS)
        record = {"sizes": self.sizes, "seed": self.seed, "curve": self.curve}
        (folder / RECORD).write_text(json.dumps(record))

    def load(self, folder: Path) -> None:
        """Restore what `save` wrote.

        Raises:
            UserError: when a file is absent or is not of these settings.
        """
        try:
            record = json.loads((folder / RECORD).read_text())
            learner = self.make(record["sizes"], 0, torch.device("cpu"))
            weights = load_file(folder / WEIGHTS)
            for name, part in learner.parts().items():
                part.load_state_dict(under(name, weights))
            self.curve = [(int(a), str(b), float(c)) for a, b, c in record["curve"]]
            seed = int(record["seed"])
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            raise broken(folder, self, error, " of these settings") from error
        self.learner, self.sizes = learner, record["sizes"]
        self._restart(seed)

    def _restart(self, seed: int) -> None:
        self.seed, self._rng = seed, np.random.default_rng([seed, 2])

    def _require(self) -> L:
        require(self.learner is not None, self)
        return cast(L, self.learner)
