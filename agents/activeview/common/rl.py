"""A policy that is one `Scorer`, learned on scenes for practice."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm

from leapbench.agents.activeview.common.policy import Chooser, Scores
from leapbench.agents.activeview.common.scorer import Scorer
from leapbench.agents.common.sb3_network import SB3Network
from leapbench.agents.common.vecenv import VectorAdapter
from leapbench.contract.agent import LearningPhase
from leapbench.envs.activeview.table import ObservationMode
from leapbench.errors import UserError

NEVER = 1e8
"""Gap that leaves a softmax no probability."""


class Learned(SB3Network[Scorer], Chooser):
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

    @abstractmethod
    def algorithm(self, env: VectorAdapter, phase: LearningPhase) -> tuple[BaseAlgorithm, Scorer]:
        """The algorithm after as many steps as the phase's budget pays for, and its scorer."""

    def trained(self, make_env: Callable[..., Any], phase: LearningPhase) -> Scorer:
        """See `SB3Network.trained`."""
        phase.report(0.0, f"{phase.meter.left} views to learn from")
        env = VectorAdapter(make_env(self.envs))
        _, scorer = self.algorithm(env, phase)
        env.close()
        network = self.built()
        network.load_state_dict(scorer.state_dict())
        return network

    @torch.no_grad()
    def scores(self, tables: NDArray[np.float32]) -> Scores:
        """See `Chooser.scores`.

        Raises:
            UserError: before `learn` or `load`.
        """
        flat = torch.from_numpy(np.ascontiguousarray(tables)).flatten(1)
        return np.asarray(self.learned()(flat), np.float64)

    def built(self) -> Scorer:
        """See `SB3Network.built`."""
        return Scorer(self.hidden, NEVER)

    def record(self) -> dict[str, Any]:
        """The width."""
        return {"hidden": self.hidden}

    def restore(self, record: dict[str, Any]) -> None:
        """Take over the width."""
        self.hidden = int(record["hidden"])
