"""Weights that are not learned: fixed for each exit, or drawn at random."""

from __future__ import annotations

import torch
from torch import Tensor

from leapbench.agents.common.bounds import bounded
from leapbench.agents.earlyexit.common.trainer import Trainer, losses
from leapbench.contract.agent import LearningPhase


class LinearWeights(Trainer):
    """Exit k weighs k, scaled to a mean of 1: later exits matter more."""

    def loss(self, logits: list[Tensor], labels: Tensor) -> Tensor:
        """Weighted sum of the exits' mean cross-entropies."""
        weight = torch.arange(1.0, len(logits) + 1, device=labels.device)
        return losses(logits, labels).mean(0) @ (weight / weight.mean())


class RandomWeights(Trainer):
    """Every sample weighs 1 + epsilon U(-1, 1) at every exit, drawn anew each time.

    Args:
        epsilon: strength, as in L2W-DEN.
        network: "msdnet" or "ranet".
        lr_factor: multiplies the protocol's learning rate.
    """

    def __init__(
        self, epsilon: float = 0.8, network: str = "msdnet", lr_factor: float = 1.0
    ) -> None:
        super().__init__(network=network, lr_factor=lr_factor)
        self.epsilon = epsilon
        bounded(self, {}, shares=("epsilon",))

    def prepare(self, phase: LearningPhase) -> None:
        """Seed the weights' own generator."""
        self.generator = torch.Generator().manual_seed(phase.seed + 2)

    def loss(self, logits: list[Tensor], labels: Tensor) -> Tensor:
        """Randomly weighted sum of cross-entropies."""
        matrix = losses(logits, labels)
        noise = 2.0 * torch.rand(matrix.shape, generator=self.generator).to(matrix.device) - 1.0
        return ((1.0 + self.epsilon * noise) * matrix).mean(0).sum()
