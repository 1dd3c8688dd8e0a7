"""RANet: sub-networks of rising resolution, each with exits of its own.

Yang et al., "Resolution Adaptive Networks for Efficient Inference" (CVPR
2020). The shape follows the authors' released code where the paper leaves
room: which blocks shrink, where maps are halved, and rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn

from leapbench.agents.earlyexit.common.fusion import DenseBlock, FusedBlock
from leapbench.agents.earlyexit.common.layers import ExitHead, Stem, initialise
from leapbench.errors import UserError, unknown


@dataclass(frozen=True)
class RANetConfig:
    """Shape of a RANet; sub-networks are listed from the coarsest to the finest.

    Attributes:
        image: input size as (channels, height, width), pixels.
        classes: number of classes.
        steps: dense layers in the n-th block of every sub-network, n = 1, 2, ...;
            its length is that of the last sub-network, and the number of exits.
        blocks: blocks of each sub-network, rising; those that the sub-network
            before does not have carry the exits.
        scales: resolution of each sub-network, 1 the coarsest; each the same as
            the one before or twice as fine.
        channels: base channels of the stem, before `growth_factors`.
        growth: base channels that a layer adds.
        growth_factors: channel multiplier of each sub-network.
        bottleneck_factors: width limit of the 1x1 bottleneck of each
            sub-network, as a multiple of the output channels.
        stem: "conv" (3x3), "conv2" (3x3, stride 2) or "imagenet" (7x7/2 + pool).
        head: channels inside an exit head, or 0 to keep the incoming width.
        head_convs: strided 3x3 convolutions in an exit head.
        reduction: channel factor of the 1x1 transitions.
        compress: part of a fused layer's new channels that comes from the
            coarser sub-network.

    Raises:
        UserError: when the lengths or the orders above do not fit together.
    """

    image: tuple[int, int, int]
    classes: int
    steps: tuple[int, ...]
    blocks: tuple[int, ...] = (2, 4, 6)
    scales: tuple[int, ...] = (1, 2, 3)
    channels: int = 16
    growth: int = 6
    growth_factors: tuple[int, ...] = (4, 2, 1)
    bottleneck_factors: tuple[int, ...] = (4, 2, 1)
    stem: str = "conv"
    head: int = 128
    head_convs: int = 2
    reduction: float = 0.5
    compress: float = 0.25

    def __post_init__(self) -> None:
        """Check what the sub-networks need of each other."""
        lists = (self.blocks, self.scales, self.growth_factors, self.bottleneck_factors)
        if len({len(values) for values in lists}) != 1:
            raise UserError(
                "blocks, scales, growth_factors and bottleneck_factors of a RANet must be equally "
                f"long, one entry a sub-network; their lengths are {[len(v) for v in lists]}."
            )
        if (
            any(a >= b for a, b in pairwise((0, *self.blocks)))
            or len(self.steps) != self.blocks[-1]
        ):
            raise UserError(
                f"blocks of a RANet must rise and end at the length of steps ({len(self.steps)}), "
                f"not be {self.blocks}."
            )
        if self.scales[0] != 1 or any(b - a not in (0, 1) for a, b in pairwise(self.scales)):
            raise UserError(
                f"scales of a RANet must start at 1 and rise by 0 or 1 each, not be {self.scales}."
            )


class RANet(nn.Module):
    """Multi-exit network; `forward` gives one logits tensor an exit.

    `flows[i][n]` is the n-th block of sub-network i and `heads[k]` the
    classifier of exit k; sub-networks run from the coarsest to the finest.

    Args:
        config: the shape of the network.
    """

    def __init__(self, config: RANetConfig) -> None:
        super().__init__()
        self.config = config
        strides = [1 + b - a for a, b in pairwise(config.scales)][::-1]
        factors = config.growth_factors[::-1]
        self.stem = Stem(config.image[0], config.channels, factors, config.stem, strides)
        self.flows = nn.ModuleList()
        self.heads = nn.ModuleList()
        coarse: list[list[int]] = []
        for index in range(len(config.blocks)):
            flow = _flow(config, index, coarse)
            for block in flow[len(coarse) :]:
                head = ExitHead(block.outputs, config.head, config.head_convs, config.classes)
                self.heads.append(head)
            coarse = [block.widths for block in flow]
            self.flows.append(nn.ModuleList(flow))
        initialise(self.flows)
        initialise(self.heads)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Classify `images`, float32 (B, C, H, W): K logits tensors (B, classes)."""
        logits: list[Tensor] = []
        coarse: list[list[Tensor]] = []
        for x, flow in zip(reversed(self.stem(images)), self.flows, strict=True):
            kept = []
            for n, block in enumerate(flow.children()):
                x, maps = block(x, coarse[n]) if n < len(coarse) else block(x)
                kept.append(maps)
                if n >= len(coarse):
                    logits.append(self.heads[len(logits)](x))
            coarse = kept
        return logits


def _flow(
    config: RANetConfig, index: int, coarse: Sequence[Sequence[int]]
) -> list[DenseBlock | FusedBlock]:
    """Blocks of one sub-network, fused as far as the coarser one reaches.

    Args:
        config: the shape of the network.
        index: the sub-network.
        coarse: channels of the maps of each block of the coarser sub-network.
    """
    count, scale = config.blocks[index], config.scales[index]
    transitions = {part * count // scale for part in range(1, scale)}
    # Halved where the last scale - 1 coarser sub-networks end, down to scale 1.
    halvings = config.blocks[index - scale + 1 : index]
    growth, factors = config.growth * config.growth_factors[index], config.bottleneck_factors
    width = config.channels * config.growth_factors[index]
    flow: list[DenseBlock | FusedBlock] = []
    for n, layers in enumerate(config.steps[:count], start=1):
        reduction = config.reduction if n in transitions else 1.0
        if n > len(coarse):
            flow.append(DenseBlock(width, growth, layers, factors[index], reduction))
        else:
            limits, stride = (factors[index - 1], factors[index]), 2 if n in halvings else 1
            low = coarse[n - 1]
            flow.append(FusedBlock(width, low, growth, config.compress, limits, stride, reduction))
        width = flow[-1].outputs
    return flow


def cifar(classes: int, growth: str = "lg") -> RANetConfig:
    """The networks published for CIFAR.

    Args:
        classes: 10 or 100.
        growth: "lg" (6 exits, scales 1-2-3, blocks of 2, 4, 6, ... layers) or
            "even" (8 exits, scales 1-2-3-3, blocks of 4 layers).

    Raises:
        UserError: for another `growth`.
    """
    if growth == "lg":
        return RANetConfig((3, 32, 32), classes, (2, 4, 6, 8, 10, 12))
    if growth != "even":
        raise unknown("growth", growth, ("lg", "even"))
    return RANetConfig(
        (3, 32, 32),
        classes,
        (4,) * 8,
        blocks=(2, 4, 6, 8),
        scales=(1, 2, 3, 3),
        growth_factors=(4, 2, 1, 1),
        bottleneck_factors=(4, 2, 1, 1),
    )


def imagenet(channels: int = 32, classes: int = 1000) -> RANetConfig:
    """The networks published for ImageNet: 8 exits, blocks of 8 layers.

    Args:
        channels: base channels of the stem; the authors' code names 32 and 64.
        classes: number of classes.
    """
    return RANetConfig(
        (3, 224, 224),
        classes,
        (8,) * 8,
        blocks=(2, 4, 6, 8),
        scales=(1, 2, 3, 4),
        channels=channels,
        growth=16,
        growth_factors=(4, 2, 2, 1),
        bottleneck_factors=(4, 2, 2, 1),
        stem="imagenet",
        head=0,
    )
