"""Volume rendering of a mean and a variance along rays, with gradients written out.

Shapes: N rays with S samples each, from the camera outwards.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

WHITE = 1.0
"""Colour of the background, in every channel."""


class Rendered(NamedTuple):
    """What a camera sees of a field, float32.

    Attributes:
        colour: (..., 3), mean, in [0, 1].
        variance: (...), of each channel, 0 or more.
        opacity: (...), in [0, 1].
        depth: (...), mean distance at which light ends; what passes through the box
            counts with the distance at which it leaves.
    """

    colour: Tensor
    variance: Tensor
    opacity: Tensor
    depth: Tensor


class Samples(NamedTuple):
    """What a field says at the samples of N rays, float32.

    Attributes:
        density: (N, S), 0 or more, per unit of length.
        colour: (N, S, 3), mean, in [0, 1].
        variance: (N, S), above 0, shared by the channels.
        steps: (N, S), length that each sample stands for.
        distances: (N, S), from the camera.
    """

    density: Tensor
    colour: Tensor
    variance: Tensor
    steps: Tensor
    distances: Tensor


def weights_of(thickness: Tensor) -> tuple[Tensor, Tensor]:
    """Compositing weights (Eq 4).

    Args:
        thickness: (N, S), density times step of each sample.

    Returns:
        The weight of each sample, T_i (1 - exp(-thickness_i)), and the light left
        behind it, T_(i+1); (N, S) each, in [0, 1].
    """
    passed = thickness.cumsum(1)
    behind = torch.exp(-passed)
    return torch.exp(thickness - passed) * -torch.expm1(-thickness), behind


def thickness_gradient(weights: Tensor, behind: Tensor, of_weights: Tensor) -> Tensor:
    """Gradient with respect to the thickness, from the one with respect to the weights.

    d w_i / d thickness_i = T_(i+1), and d w_j / d thickness_i = -w_j for j > i.

    Args:
        weights: (N, S), from `weights_of`.
        behind: (N, S), from `weights_of`.
        of_weights: (..., N, S), gradient of a scalar with respect to the weights.

    Returns:
        (..., N, S).
    """
    shares = of_weights * weights
    later = shares.sum(-1, keepdim=True) - shares.cumsum(-1)
    return of_weights * behind - later


def composite(samples: Samples) -> tuple[Rendered, Tensor]:
    """Mean and variance of rays before a white background (Eq 4 and 9).

    The weights of the variance are squared: a ray's colour is a weighted sum of
    independent Gaussians.

    Returns:
        The N rays, and the weights (N, S).
    """
    weights, _ = weights_of(samples.density * samples.steps)
    opacity = weights.sum(1)
    colour = (weights[..., None] * samples.colour).sum(1) + WHITE * (1 - opacity[:, None])
    exits = samples.distances[:, -1] + samples.steps[:, -1] / 2
    depth = (weights * samples.distances).sum(1) + (1 - opacity) * exits
    variance = (weights.square() * samples.variance).sum(1)
    return Rendered(colour, variance, opacity, depth), weights
