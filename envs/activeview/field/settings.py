"""Settings of a radiance field: its representation and how it learns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from leapbench.errors import UserError


@dataclass(frozen=True)
class Likelihood:
    """The loss of one ray (ActiveNeRF, arXiv 2209.08546, Eq 10-12) and its variants.

    Attributes:
        squared: weight of the plain squared error, a mean over the channels; 0 in the paper.
        weight: weight of the Gaussian likelihood and of the density penalty.
        density: weight of the mean density along a ray, the lambda of Eq 12.
        floor: added to the variance of a ray, as if the background had it; without
            it the logarithm runs away on rays that meet nothing.
        channels: whether the likelihood sums the squared error over the channels, as
            the paper writes, or averages it, as the released code does.
    """

    squared: float = 1.0
    weight: float = 0.02
    density: float = 0.01
    floor: float = 1e-3
    channels: Literal["sum", "mean"] = "sum"


PAPER = Likelihood(squared=0.0, weight=1.0, floor=1e-9)
"""Eq 12 as it is printed; 1e-9 is the released code's guard."""


@dataclass(frozen=True)
class FieldSettings:
    """Sizes and rates of a `VoxelField`.

    Attributes:
        resolution: vertices along each edge of the box [-1, 1]^3.
        coarse: resolution at which a new field starts; `resolution` or less.
        coarse_iterations: iterations spent there.
        samples: points along a ray between entry and exit of the box.
        rays: rays drawn for an iteration.
        rate: step size of Adam, with moments of 0.9 and 0.99.
        smoothness: weight of half the squared differences between neighbouring
            vertices, of density and colour, a mean over the vertices.
        variance_floor: the beta_0^2 of Eq 8, the least variance of a point.
        likelihood: the loss of a ray.
        damping: added to the information of the training views in the Fisher score.
        device: where the tensors are, as torch names it.
    """

    resolution: int = 40
    coarse: int = 20
    coarse_iterations: int = 100
    samples: int = 32
    rays: int = 1024
    rate: float = 0.15
    smoothness: float = 3e-3
    variance_floor: float = 0.01
    likelihood: Likelihood = Likelihood()
    damping: float = 1e-2
    device: str = "cpu"

    def __post_init__(self) -> None:
        if not 2 <= self.coarse <= self.resolution:
            raise UserError("A field starts with at least 2 vertices and at most `resolution`.")
        if min(self.samples, self.rays) < 1:
            raise UserError("A field needs one sample and one ray, or more.")


@dataclass(frozen=True)
class MlpSettings:
    """Sizes and rates of an `MlpField`; the defaults are the paper's and its code's.

    Attributes:
        width: units of a hidden layer; half as many see the direction.
        depth: hidden layers, after the middle one of which the input is given again.
        octaves: of the encoding of places.
        direction_octaves: of the encoding of directions.
        samples: even ones along a ray, for the coarse network.
        fine_samples: further ones for the fine network, where the coarse one sees most.
        rays: rays drawn for an iteration.
        rate: step size of Adam at first.
        decay: iterations in which the step size falls to a tenth.
        variance_floor: the beta_0^2 of Eq 8, the least variance of a point.
        likelihood: the loss of a ray of the fine network.
        damping: added to the information of the training views in the Fisher score.
        device: where the tensors are, as torch names it.
    """

    width: int = 256
    depth: int = 8
    octaves: int = 10
    direction_octaves: int = 4
    samples: int = 64
    fine_samples: int = 128
    rays: int = 1024
    rate: float = 5e-4
    decay: int = 500_000
    variance_floor: float = 0.01
    likelihood: Likelihood = PAPER
    damping: float = 1e-2
    device: str = "cpu"

    def __post_init__(self) -> None:
        sizes = (self.width // 2, self.depth - 1, self.octaves, self.direction_octaves, self.rays)
        if min(*sizes, self.samples - 2, self.fine_samples) < 1:
            raise UserError("A network's field needs 2 layers of 2 units, and 3 samples, or more.")
