"""Diagonal Fisher information of rendered colours (FisherRF, arXiv 2311.17874)."""

from __future__ import annotations

import torch
from torch import Tensor

from leapbench.envs.activeview.field.render import WHITE, thickness_gradient, weights_of


def squared_jacobian(thickness: Tensor, colour: Tensor) -> Tensor:
    """How strongly the samples of a ray move its colour.

    Args:
        thickness: (N, S), density times step.
        colour: (N, S, 3).

    Returns:
        (N, S, 4): the squared derivative of the ray's colour with respect to the
        thickness, summed over the channels, and that of each channel with respect to
        the sample's same channel.
    """
    weights, behind = weights_of(thickness)
    contrast = (colour - WHITE).permute(2, 0, 1)
    by_thickness = thickness_gradient(weights, behind, contrast).square().sum(0)
    by_colour = weights.square()[..., None].expand(-1, -1, 3)
    return torch.cat((by_thickness[..., None], by_colour), -1)
