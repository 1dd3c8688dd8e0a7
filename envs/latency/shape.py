"""What a spatially dynamic network is built from, and what the latency model needs of it."""

from __future__ import annotations

from dataclasses import dataclass, fields

from leapbench.envs.latency.networks import Block
from leapbench.errors import UserError


@dataclass(frozen=True)
class Shape:
    """What a dynamic network is built from.

    Attributes:
        image: channels, height and width in pixels; square.
        classes: number of classes.
        stem: channels of the first convolution, with stride `stem_stride`.
        channels: channels that the blocks of each stage give; the first stage gets those of
            the stem, by a convolution of 1x1 where they differ.
        depths: blocks of each stage; every stage but the first halves the map.
        granularity: side of a mask's cell in each stage, in outputs; divides the map's side.
        stem_stride: of the first convolution.
        bottleneck: outgoing channels over those of the 3x3 convolution.
        stem_kernel: side of the first convolution, odd.
        pool: whether a max pooling of 3x3 with stride 2 follows it.
        first_stride: of the first block; 2 where the first stage halves the map, too.
        group_width: channels of a group of the 3x3 convolutions; 0 for one group.
        excited: whether blocks have squeeze-and-excitation, to a quarter of what comes in.

    Raises:
        UserError: for lists of different lengths, or a granularity that does not divide.
    """

    image: tuple[int, int, int]
    classes: int
    stem: int
    channels: tuple[int, ...]
    depths: tuple[int, ...]
    granularity: tuple[int, ...]
    stem_stride: int = 2
    bottleneck: int = 4
    stem_kernel: int = 3
    pool: bool = False
    first_stride: int = 1
    group_width: int = 0
    excited: bool = False

    def __post_init__(self) -> None:
        for each in fields(self):  # lists, as TOML and JSON have them
            value = getattr(self, each.name)
            if isinstance(value, list):
                object.__setattr__(self, each.name, tuple(value))
        stages = {len(self.channels), len(self.depths), len(self.granularity)}
        if len(stages) != 1:
            raise UserError("channels, depths and granularity must name as many stages each.")
        reduced = self.reduced * 2 ** (len(self.channels) - 1)
        if self.image[1] != self.image[2] or self.image[1] % reduced:
            raise UserError(f"Expected square images of a multiple of {reduced} pixels.")
        for stage, (size, cell) in enumerate(zip(self.sizes, self.granularity, strict=True)):
            if not isinstance(cell, int) or cell < 1 or size % cell:
                raise UserError(
                    f"The granularity of stage {stage + 1} must divide its side, {size}; "
                    f"got {cell}."
                )

    @property
    def reduced(self) -> int:
        """Pixels along a side of a place of the first stage's map."""
        return self.stem_stride * (2 if self.pool else 1) * self.first_stride

    @property
    def sizes(self) -> tuple[int, ...]:
        """Side of the map of each stage."""
        return tuple(self.image[1] // self.reduced // 2**i for i in range(len(self.channels)))

    @property
    def blocks(self) -> tuple[Block, ...]:
        """Every block as the latency model takes it, from the input on."""
        found, inputs = [], self.stem
        for stage, (depth, outputs) in enumerate(zip(self.depths, self.channels, strict=True)):
            for place in range(depth):
                stride = 1 if place else (2 if stage else self.first_stride)
                width = outputs // self.bottleneck
                groups = width // self.group_width if self.group_width else 1
                squeeze = round(0.25 * inputs) if self.excited else 0
                size = self.sizes[stage]
                found.append(Block(inputs, width, outputs, size, stride, groups, squeeze, stage))
                inputs = outputs
        return tuple(found)

    @property
    def cells(self) -> tuple[int, ...]:
        """Side of the mask of each block, in cells."""
        return tuple(block.size // self.granularity[block.stage] for block in self.blocks)
