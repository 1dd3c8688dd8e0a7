"""The loss of rays under a Gaussian colour, and its gradients (ActiveNeRF, Eq 10-12)."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from leapbench.envs.activeview.field.settings import Likelihood


class Loss(NamedTuple):
    """A loss and its gradients with respect to what was rendered.

    Attributes:
        value: (), mean over the rays, without the density penalty.
        colour: (N, 3), gradient with respect to the mean colour.
        variance: (N,), gradient with respect to the variance.
    """

    value: Tensor
    colour: Tensor
    variance: Tensor


def ray_loss(colour: Tensor, variance: Tensor, truth: Tensor, kind: Likelihood) -> Loss:
    """Squared error and Gaussian likelihood of N rays.

    With e the error summed or averaged over channels and v the variance with its
    floor, a ray costs `squared` * mean error + `weight` * (e / 2v + log(v) / 2).

    Args:
        colour: (N, 3), rendered mean.
        variance: (N,), rendered variance, 0 or more.
        truth: (N, 3), the photograph's colours in [0, 1].
        kind: weights and variants.
    """
    count = len(colour)
    residual, spread = colour - truth, variance + kind.floor
    error = residual.square().sum(1)
    share = 1.0 if kind.channels == "sum" else 1 / 3
    scaled = error * share / spread
    value = kind.squared * error / 3 + kind.weight * (scaled + spread.log()) / 2
    slope = (kind.weight * share / spread + kind.squared * 2 / 3) / count
    widening = (1 - scaled) / spread * (kind.weight / 2 / count)
    return Loss(value.mean(), residual * slope[:, None], widening)


def density_slope(shape: tuple[int, ...], kind: Likelihood) -> float:
    """Gradient of the penalty on the mean density of a ray, with respect to each of (N, S)."""
    return kind.weight * kind.density / (shape[0] * shape[1])
