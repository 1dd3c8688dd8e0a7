"""A policy that is one `Scorer`, learned on scenes for practice."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm

from leapbench.agents.activeview.common.policy import Chooser, Scores
from leapbench.agents.activeview.common.scorer import Scorer
from leapbench.agents.common.mlp import load_weights, save_weights, seeded
from leapbench.agents.common.state import broken, require
from leapbench.agents.common.vecenv import VectorAdapter
from leapbench.contract.agent import LearningPhase
from leapbench.envs.activeview.table import ObservationMode
from leapbench.errors import UserError

SETTINGS, WEIGHTS = "policy.json", "policy.safetensors"
NEVER = 1e8
"""Gap that leaves a softmax no probability."""


class Learned(Chooser, ABC):
    """Acts on practice scenes until the budget of views is used.

    A step pays the change in PSNR. The score of an episode is the mean PSNR over its
    acquisitions, to which a view contributes for as long as it is there: early gains
    count more, which a discount expresses.

    Args:
        envs: practice scenes in lockstep.
        hidden: units of both hidden layers.
        lr: learning rate of Adam.
        discount: of a step.

    Attributes:
        network: scores candidates; None until learned.
    """

    observation_mode: ObservationMode = "field"

    def __init__(self, envs: int, hidden: int, lr: float, discount: float) -> None:
        for name, value in (("envs", envs), ("hidden", hidden)):
            if value < 1:
                raise UserError(f"{name} must be 1 or more, got {value}.")
        self.envs, self.hidden, self.lr, self.discount = envs, hidden, lr, discount
        self.network: Scorer | None = None

    @abstractmethod
    def trained(self, env: VectorAdapter, phase: LearningPhase) -> tuple[BaseAlgorithm, Scorer]:
        """The algorithm after as many steps as the phase's budget pays for, and its scorer."""

    def learn(self, phase: LearningPhase) -> None:
        """Train until what is left of the budget pays for no further update.

        Raises:
            UserError: when there is no environment.
        """
        if phase.make_env is None:
            raise UserError(f"{type(self).__name__} learns by acting, and got no environment.")
        phase.report(0.0, f"{phase.meter.left} views to learn from")
        with seeded(phase.seed):
            env = VectorAdapter(phase.make_env(self.envs))
            _, scorer = self.trained(env, phase)
            env.close()
            self.network = Scorer(self.hidden, NEVER)
            self.network.load_state_dict(scorer.state_dict())

    @torch.no_grad()
    def scores(self, tables: NDArray[np.float32]) -> Scores:
        """See `Chooser.scores`.

        Raises:
            UserError: before `learn` or `load`.
        """
        flat = torch.from_numpy(np.ascontiguousarray(tables)).flatten(1)
        return np.asarray(self._learned()(flat), np.float64)

    def save(self, folder: Path) -> None:
        """Write `policy.json`, the width, and `policy.safetensors`.

        Raises:
            UserError: before `learn` or `load`.
        """
        (folder / SETTINGS).write_text(json.dumps({"hidden": self.hidden}), encoding="utf-8")
        save_weights(folder / WEIGHTS, self._learned())

    def load(self, folder: Path) -> None:
        """Restore what `save` wrote.

        Raises:
            UserError: when a file is absent or is not of this policy.
        """
        try:
            record: dict[str, Any] = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
            self.hidden = int(record["hidden"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise broken(folder / SETTINGS, self, error) from error
        network = Scorer(self.hidden, NEVER)
        load_weights(folder / WEIGHTS, network, self)
        self.network = network

    def _learned(self) -> Scorer:
        require(self.network is not None, self)
        assert self.network is not None  # noqa: S101 - told to the type checker
        return self.network
