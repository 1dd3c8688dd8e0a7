"""Linear layers with factorised noise (Fortunato et al., ICLR 2018)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.grad import conv2d_input

Noise = dict[str, tuple[Tensor, Tensor]]
"""By layer: what is added to its weights and to its biases, times their sigma."""


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
        """Noise of the weights and of the biases."""
        sizes = (self.branches, 1, self.inputs), (self.branches, self.outputs, 1)
        into, out = (
            torch.randn(size, generator=generator).to(self.weight.device) for size in sizes
        )
        into, out = into.sign() * into.abs().sqrt(), out.sign() * out.abs().sqrt()
        return (out * into).flatten(0, 1), out.flatten()

    def forward(self, inputs: Tensor, noise: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """(N, inputs) to (N, branches * outputs); the mean weights without noise."""
        if noise is None:
            return self.apply_weights(inputs, self.weight, self.bias)
        weight = torch.addcmul(self.weight, self.weight_sigma, noise[0])
        bias = torch.addcmul(self.bias, self.bias_sigma, noise[1])
        return self.apply_weights(inputs, weight, bias)

    def apply_weights(self, inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """The product with given weights."""
        return functional.linear(inputs, weight, bias)


class NoisyLatent(NoisyLinear):
    """The same on latents (N, channels, height, width).

    The inputs of its weights are in the order (height, width, channels), in which latents
    lie in memory.

    Args:
        shape: (channels, height, width).
        outputs: see `NoisyLinear`, as for the rest.
        sigma: initial noise.
        branches: layers in one matrix.
    """

    def __init__(
        self, shape: tuple[int, int, int], outputs: int, sigma: float, branches: int
    ) -> None:
        channels, height, width = shape
        super().__init__(channels * height * width, outputs, sigma, branches)

    def apply_weights(self, inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Latents (N, channels, height, width) to (N, rows)."""
        product: Tensor = Product.apply(inputs, weight)  # type: ignore[no-untyped-call]
        return product + bias


class Product(torch.autograd.Function):
    """Latents (N, C, H, W), channels last, times weights (M, H * W * C): (N, M).

    oneDNN's convolution over a whole latent takes half the time of a matrix product on
    CPUs; its gradient of the weights takes longer, so that this one is a matrix product.
    """

    @staticmethod
    def forward(ctx: Any, latent: Tensor, weight: Tensor) -> Tensor:
        """See class."""
        ctx.save_for_backward(latent, weight)
        return functional.conv2d(latent, kernel(weight, latent)).flatten(1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        """See class."""
        latent, weight = ctx.saved_tensors
        (gradient,) = gradients
        into = of = None
        if ctx.needs_input_grad[0]:
            back = gradient.view(*gradient.shape, 1, 1)
            shape = list(latent.shape)
            into = conv2d_input(shape, kernel(weight, latent), back)  # type: ignore[no-untyped-call]
        if ctx.needs_input_grad[1]:
            of = gradient.T @ latent.permute(0, 2, 3, 1).flatten(1)
        return into, of


def kernel(weight: Tensor, latent: Tensor) -> Tensor:
    """Weights (M, H * W * C) as kernels (M, C, H, W) of the size of a latent; a view."""
    channels, height, width = latent.shape[1:]
    return weight.view(-1, height, width, channels).permute(0, 3, 1, 2)
