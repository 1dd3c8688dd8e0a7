"""MSDNet: a multi-scale dense network with an exit after each block.

Huang et al., "Multi-Scale Dense Networks for Resource Efficient Image
Classification" (ICLR 2018); the backbone of L2W-DEN (ECCV 2022).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice, pairwise
from math import ceil

import torch
from torch import Tensor, nn

from leapbench.agents.earlyexit.common.layers import (
    Bottleneck,
    ExitHead,
    Stem,
    conv_bn_relu,
    initialise,
)
from leapbench.errors import UserError, unknown


@dataclass(frozen=True)
class MSDNetConfig:
    """Shape of an MSDNet.

    Attributes:
        image: input size as (channels, height, width), pixels.
        classes: number of classes.
        steps: dense layers in each block; one exit follows each block.
        channels: base channels of the finest scale, before `growth_factors`.
        growth: base channels that a layer adds to each scale.
        growth_factors: channel multiplier per scale, finest first; its length
            is the number of scales.
        bottleneck_factors: width limit of the 1x1 bottleneck per scale, as a
            multiple of the output channels.
        stem: "conv" (3x3), "conv2" (3x3, stride 2) or "imagenet" (7x7/2 + pool).
        head: channels inside an exit head, or 0 to keep the incoming width.
        head_convs: strided 3x3 convolutions in an exit head.
        reduction: channel factor of the 1x1 transition after a scale is dropped.

    Raises:
        UserError: when the factors differ in number, or when the layers are so
            few that the last keeps a scale that no exit reads (its parameters
            would get no gradient).
    """

    image: tuple[int, int, int]
    classes: int
    steps: tuple[int, ...]
    channels: int = 16
    growth: int = 6
    growth_factors: tuple[int, ...] = (1, 2, 4)
    bottleneck_factors: tuple[int, ...] = (1, 2, 4)
    stem: str = "conv"
    head: int = 128
    head_convs: int = 2
    reduction: float = 0.5

    def __post_init__(self) -> None:
        """Check that the factors fit together and that every layer is read."""
        if len(self.growth_factors) != len(self.bottleneck_factors):
            raise UserError(
                "growth_factors and bottleneck_factors of an MSDNet must be equally long, one "
                f"entry a scale, not {self.growth_factors} and {self.bottleneck_factors}."
            )
        if self.active_scales[-1] != 1:
            raise UserError(
                f"An MSDNet of {len(self.growth_factors)} scales and {sum(self.steps)} layers ends "
                f"with {self.active_scales[-1]} active scales, of which its exits read one.",
                "Change `steps` or the number of scales.",
            )

    @property
    def active_scales(self) -> list[int]:
        """Scales that each layer puts out: the finest is dropped at equal intervals."""
        scales, layers = len(self.growth_factors), sum(self.steps)
        interval = ceil(layers / scales)
        return [scales - layer // interval for layer in range(layers)]


class _Layer(nn.Module):
    """One dense layer over the active scales (finest first).

    The finest active scale sees only itself; every coarser one also sees the
    next finer scale through a strided convolution. When `drop` is set the
    finest incoming scale ends here, feeding the next one for the last time.
    """

    def __init__(self, config: MSDNetConfig, width: int, scales: int, drop: bool) -> None:
        super().__init__()
        total = len(config.growth_factors)
        self.drop = drop
        self.normal = nn.ModuleList()
        self.down = nn.ModuleList()
        for position, scale in enumerate(range(total - scales, total)):
            factor, bottleneck = config.growth_factors[scale], config.bottleneck_factors[scale]
            new = config.growth * factor
            fused = position > 0 or drop
            own = new // 2 if fused else new
            self.normal.append(Bottleneck(width * factor, own, bottleneck, 1))
            if fused:
                finer = width * config.growth_factors[scale - 1]
                self.down.append(Bottleneck(finer, own, config.bottleneck_factors[scale - 1], 2))

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        """Map one feature map a scale, finest first, to the next layer's."""
        own = maps[1:] if self.drop else maps
        finer = maps[:-1]
        unfused = len(own) - len(self.down)
        result = []
        for index, (x, normal) in enumerate(zip(own, self.normal, strict=True)):
            parts = [x]
            if index >= unfused:
                parts.append(self.down[index - unfused](finer[index - unfused]))
            parts.append(normal(x))
            result.append(torch.cat(parts, 1))
        return result


class _Transition(nn.ModuleList):
    """A 1x1 convolution on every remaining scale, shrinking its channels."""

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        """Apply the convolution of each scale to its map."""
        return [layer(x) for layer, x in zip(self, maps, strict=True)]


def _block(
    config: MSDNetConfig, width: int, active: Iterable[tuple[int, int]]
) -> tuple[nn.Sequential, int]:
    """Layers between two exits, and the base width after them.

    Args:
        config: the shape of the network.
        width: base channels that come in.
        active: number of scales before and after each layer.
    """
    block = nn.Sequential()
    for before, after in active:
        block.append(_Layer(config, width, after, drop=after < before))
        width += config.growth
        if after < before:
            shrunk = int(config.reduction * width)
            factors = config.growth_factors[-after:]
            block.append(_Transition(conv_bn_relu(width * f, shrunk * f, 1) for f in factors))
            width = shrunk
    return block, width


class MSDNet(nn.Module):
    """Multi-exit network; `forward` gives one logits tensor an exit.

    `blocks[k]` and `heads[k]` are what exit k adds to exit k-1, and `stem` is
    paid for at exit 0; they run in that order.

    Args:
        config: the shape of the network.
    """

    def __init__(self, config: MSDNetConfig) -> None:
        super().__init__()
        self.config = config
        active = pairwise([len(config.growth_factors), *config.active_scales])
        self.stem = Stem(config.image[0], config.channels, config.growth_factors, config.stem)
        self.blocks = nn.ModuleList()
        self.heads = nn.ModuleList()
        width = config.channels
        for step in config.steps:
            block, width = _block(config, width, islice(active, step))
            inputs = width * config.growth_factors[-1]
            self.blocks.append(block)
            self.heads.append(ExitHead(inputs, config.head, config.head_convs, config.classes))
        initialise(self)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Classify `images`, float32 (B, C, H, W): K logits tensors (B, classes)."""
        maps = self.stem(images)
        logits = []
        for block, head in zip(self.blocks, self.heads, strict=True):
            maps = block(maps)
            logits.append(head(maps[-1]))
        return logits


def cifar(classes: int, exits: int = 7, growth: str = "lin_grow") -> MSDNetConfig:
    """The networks published for CIFAR, of 3 scales.

    Args:
        classes: 10 or 100.
        exits: number of exits.
        growth: "lin_grow" (blocks of 1, 2, 3, ... layers) or "even" (4, 2, 2, ...).

    Raises:
        UserError: for another `growth`.
    """
    steps = {"lin_grow": tuple(range(1, exits + 1)), "even": (4,) + (2,) * (exits - 1)}
    if growth not in steps:
        raise unknown("growth", growth, steps)
    return MSDNetConfig((3, 32, 32), classes, steps[growth])


def imagenet(step: int = 4, classes: int = 1000) -> MSDNetConfig:
    """The networks published for ImageNet, of 4 scales and 5 exits.

    Args:
        step: layers in each block; 4, 6 and 7 were published.
        classes: number of classes.
    """
    return MSDNetConfig(
        (3, 224, 224),
        classes,
        (step,) * 5,
        channels=32,
        growth=16,
        growth_factors=(1, 2, 4, 4),
        bottleneck_factors=(1, 2, 4, 4),
        stem="imagenet",
        head=0,
    )
