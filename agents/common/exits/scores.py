"""Thresholds on the confidence of one exit's softmax."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leapbench.agents.common.exits.grid import ScorePolicy
from leapbench.agents.common.exits.thresholds import Floats
from leapbench.envs.exits.observation import ExitColumn


class Confidence(ScorePolicy):
    """Largest softmax value: the rule of MSDNet (ICLR 2018) and L2W-DEN (ECCV 2022)."""

    def score(self, observation: NDArray[np.float32]) -> Floats:
        """In [0, 1]; see `ScorePolicy.score`."""
        return observation[..., ExitColumn.TOP1]


class Entropy(ScorePolicy):
    """One minus the softmax's entropy: the rule of BranchyNet (ICPR 2016)."""

    def score(self, observation: NDArray[np.float32]) -> Floats:
        """In [0, 1]; see `ScorePolicy.score`."""
        return 1.0 - observation[..., ExitColumn.ENTROPY]


class Margin(ScorePolicy):
    """Largest minus second largest softmax value."""

    def score(self, observation: NDArray[np.float32]) -> Floats:
        """In [0, 1]; see `ScorePolicy.score`."""
        return observation[..., ExitColumn.MARGIN]
