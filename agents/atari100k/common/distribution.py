"""Distributions of returns over fixed atoms (Bellemare et al., 2017)."""

from __future__ import annotations

import torch
from torch import Tensor

LEAST = 1e-6
"""Least probability in a logarithm, as in the released SPR code."""


class Support:
    """Atoms at equal distances.

    Args:
        atoms: how many.
        limit: the largest return, and minus the smallest.
        device: where they lie.
    """

    def __init__(self, atoms: int, limit: float, device: torch.device) -> None:
        self.limit, self.gap = limit, 2 * limit / (atoms - 1)
        self.values = torch.linspace(-limit, limit, atoms, device=device)

    def mean(self, probabilities: Tensor) -> Tensor:
        """Expected returns (...,) of distributions (..., atoms)."""
        return probabilities @ self.values

    def project(self, probabilities: Tensor, returns: Tensor, discounts: Tensor) -> Tensor:
        """Distributions of returns + discounts * Z, put onto the atoms.

        Args:
            probabilities: (N, atoms), of Z.
            returns: (N,).
            discounts: (N,), 0 where nothing follows.

        Returns:
            (N, atoms), without gradient.
        """
        with torch.no_grad():
            moved = returns.unsqueeze(1) + discounts.unsqueeze(1) * self.values
            place = (moved.clamp(-self.limit, self.limit) + self.limit) / self.gap
            atoms = torch.arange(len(self.values), device=place.device)
            share = (1 - (place.unsqueeze(1) - atoms.unsqueeze(1)).abs()).clamp(0, 1)
            return (share @ probabilities.unsqueeze(2)).squeeze(2)


def surprise(target: Tensor, log_predicted: Tensor) -> Tensor:
    """KL(target || predicted) (N,), the priority of a transition.

    Args:
        target: (N, atoms), probabilities.
        log_predicted: (N, atoms).
    """
    target = target.clamp(LEAST, 1)
    divergence = (target * (target.log() - log_predicted.detach())).sum(1)
    return divergence.clamp(LEAST, 1 / LEAST)
