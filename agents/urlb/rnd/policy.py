"""Random network distillation: seek what a network cannot predict yet."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from leapbench.agents.urlb.common.agent import Plain
from leapbench.agents.urlb.common.descent import Descent
from leapbench.agents.urlb.common.entropy import Moments
from leapbench.agents.urlb.common.networks import mlp
from leapbench.agents.urlb.common.practice import Objective
from leapbench.agents.urlb.common.replay import Batch, Sizes

OUTPUTS = 512
"""Numbers that are predicted."""
FAR = 5.0
"""Largest normalised observation."""


class Rnd(Plain):
    """Seeks states where a random network is badly predicted; see `Plain` for the settings."""

    def objective(self, sizes: Sizes, seed: int) -> Objective:
        """Error of a distilled random network."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return Distillation(sizes, self.backbone.hidden, OUTPUTS, self.backbone.rate)


class Distillation(nn.Module):
    """Random network distillation (Burda et al., 2018).

    The reward is the mean squared error against a random network, over the square root
    of its running variance.

    Args:
        sizes: of observations.
        hidden: units of both hidden layers.
        outputs: numbers that are predicted.
        rate: learning rate.
    """

    def __init__(self, sizes: Sizes, hidden: int, outputs: int, rate: float) -> None:
        super().__init__()
        self.scale = nn.BatchNorm1d(sizes.observation, affine=False)
        self.predictor = mlp(sizes.observation, hidden, hidden, outputs)
        self.random = mlp(sizes.observation, hidden, hidden, outputs).requires_grad_(False)
        self.moments = Moments()
        self._descent = Descent(self, rate)

    def error(self, observation: Tensor) -> Tensor:
        """Mean squared error (B,) at observations (B, d), which are scaled by their batch."""
        scaled = self.scale(observation).clamp(-FAR, FAR)
        apart: Tensor = self.random(scaled) - self.predictor(scaled)
        return apart.square().mean(dim=1)

    def forward(self, batch: Batch) -> Tensor:
        """One step on the batch, and its rewards (B,)."""
        self._descent(self.error(batch.observation).mean())
        with torch.no_grad():
            error = self.error(batch.observation)
        self.moments.update(error)
        return error / (self.moments.variance.sqrt() + 1e-8)
