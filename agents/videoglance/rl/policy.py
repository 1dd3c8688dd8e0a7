"""PPO and DQN on the environment itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from leapbench.agents.common.exits.dqn import DQN as PlainDQN
from leapbench.agents.common.exits.ppo import PPO as PlainPPO
from leapbench.contract.agent import LearningPhase
from leapbench.envs.videoglance.observation import Layout


@dataclass(kw_only=True, eq=False)
class PPO(PlainPPO):
    """PPO (Schulman et al., 2017), among the cubes that were not seen before when it acts."""

    def learn(self, phase: LearningPhase) -> None:
        """See `SB3Network.learn`."""
        self.skipped = first_cube(phase)
        super().learn(phase)

    def allowed(self, scores: Tensor, observation: NDArray[np.float32]) -> Tensor:
        """See `NetworkPolicy.allowed`."""
        return unseen(scores, observation, self.skipped)


@dataclass(kw_only=True, eq=False)
class DQN(PlainDQN):
    """DQN (Mnih et al., 2015), among the cubes that were not seen before when it acts."""

    def learn(self, phase: LearningPhase) -> None:
        """See `SB3Network.learn`."""
        self.skipped = first_cube(phase)
        super().learn(phase)

    def allowed(self, scores: Tensor, observation: NDArray[np.float32]) -> Tensor:
        """See `NetworkPolicy.allowed`."""
        return unseen(scores, observation, self.skipped)


def first_cube(phase: LearningPhase) -> int:
    """Where the block of visited cubes begins in an observation."""
    return int(Layout.of(phase.data).visited.start)


def unseen(scores: Tensor, observation: NDArray[np.float32], skipped: int) -> Tensor:
    """Scores (B, C + 1) with -inf at the cubes that were seen."""
    cubes = scores.shape[1] - 1
    seen = torch.from_numpy(observation[:, skipped : skipped + cubes] > 0)
    return torch.cat((scores[:, :-1].masked_fill(seen, -torch.inf), scores[:, -1:]), 1)
