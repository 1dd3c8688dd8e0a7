"""The true tube."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leapbench.agents.videoglance.exits.policy import Confidence
from leapbench.contract.agent import LearningPhase
from leapbench.envs.exits.predictions import PredictionCache
from leapbench.envs.videoglance.bank import Bank
from leapbench.envs.videoglance.vector import VideoGlanceVectorEnv
from leapbench.errors import UserError


class TubeOracle(Confidence):
    """Looks first at the cubes that hold most of the true tube; answers by confidence.

    The harness calls `bind` before the episodes.
    """

    privileged = True
    env: VideoGlanceVectorEnv | None = None

    def __init__(self) -> None:
        super().__init__("model")

    def bind(self, env: VideoGlanceVectorEnv) -> None:
        """Look into `env`; called after its `reset`."""
        self.env = env

    def ladder(self, phase: LearningPhase) -> PredictionCache:
        """What the calibration clips say if their tubes are looked at.

        Raises:
            UserError: when nobody knows where their objects are.
        """
        bank: Bank = phase.data
        if not bank.overlap.any():
            raise UserError(
                f"Nobody knows where the objects of {bank.name!r} clips are: there is no oracle.",
                "leapbench run videoglance/needle adafocus-v3+tube-oracle",
            )
        self.held = bank.overlap
        return super().ladder(phase)

    def wanted(self, observation: NDArray[np.float32]) -> NDArray[np.floating]:
        """The share of the tube in each cube; the model's order where they are equal.

        Raises:
            UserError: before `bind`.
        """
        if self.env is None:
            raise UserError(
                "TubeOracle reads the tube from the environment itself.",
                "Call bind(env) on a reset VideoGlanceVectorEnv first.",
            )
        share = self.env.bank.overlap[self.env.streams.sample]
        return share + 1e-3 * observation[:, self.layout.proposal]

    def _first(self, bank: Bank) -> NDArray[np.floating]:
        return self.held
