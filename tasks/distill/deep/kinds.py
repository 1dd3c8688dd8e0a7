"""What an episode needs to know of a convolutional network, measured."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from torch import Tensor, nn

from leapbench.envs.distill.deep.networks import shaped
from leapbench.macs import count


class _Listed(nn.Module):
    """A network as one of a single exit, as `leapbench.macs` wants it."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> list[Tensor]:
        """Its logits."""
        return [self.network(images)]


@dataclass(frozen=True)
class Kind:
    """What an episode needs to know of a network.

    Attributes:
        name: of the network.
        outputs: classes.
        multiply_adds: of one image, measured.
        channels: of the last feature maps.
    """

    name: str
    outputs: int
    multiply_adds: int
    channels: int


@lru_cache
def kind(name: str, classes: int, side: int) -> Kind:
    """A network by its name, measured on images of `side` pixels."""
    network = shaped(name, classes)
    (cost,) = count(_Listed(network), (3, side, side))
    return Kind(name, classes, cost, network.channels)
