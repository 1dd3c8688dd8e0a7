"""Linear layers with factorised noise (Fortunato et al., ICLR 2018)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

Noise = dict[str, tuple[Tensor, Tensor]]
"""By layer: what is drawn for its inputs and for its outputs."""


class NoisyLinear(nn.Module):
    """Weights mean + sigma * noise.

    Args:
        inputs: numbers in.
        outputs: numbers out of each branch.
        sigma: initial noise, times 1 / sqrt(inputs).
        branches: layers of the same inputs that are held in one matrix, each with noise of
            its own.
    """

    def __init__(self, inputs: int, outputs: int, sigma: float, branches: int = 1) -> None:
        super().__init__()
        self.inputs, self.outputs, self.branches = inputs, outputs, branches
        rows, bound = branches * outputs, inputs**-0.5
        self.weight = nn.Parameter(torch.empty(rows, inputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(rows).uniform_(-bound, bound))
        self.weight_sigma = nn.Parameter(torch.full((rows, inputs), sigma * bound))
        self.bias_sigma = nn.Parameter(torch.full((rows,), sigma * outputs**-0.5))

    def draw(self, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Noise of inputs (branches, 1, inputs) and of outputs (branches, outputs, 1)."""
        sizes = (self.branches, 1, self.inputs), (self.branches, self.outputs, 1)
        drawn = [torch.randn(s, generator=generator, device=generator.device) for s in sizes]
        return drawn[0].sign() * drawn[0].abs().sqrt(), drawn[1].sign() * drawn[1].abs().sqrt()

    def forward(self, inputs: Tensor, noise: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """(N, inputs) to (N, branches * outputs); the mean weights without noise."""
        if noise is None:
            return functional.linear(inputs, self.weight, self.bias)
        into, out = noise
        factors = (out * into).view_as(self.weight)
        weight = torch.addcmul(self.weight, self.weight_sigma, factors)
        bias = torch.addcmul(self.bias, self.bias_sigma, out.flatten())
        return functional.linear(inputs, weight, bias)
