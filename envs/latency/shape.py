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
        stem: channels of the first convolution, 3x3 with stride `stem_stride`.
        stem_stride: of that convolution.
        channels: channels that the blocks of each stage give; the first stage gets those of
            the stem, by a convolution of 1x1 where they differ.
        depths: blocks of each stage; every stage but the first halves the map.
        granularity: side of a mask's cell in each stage, in outputs; divides the map's side.
        bottleneck: outgoing channels over those of the 3x3 convolution.

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

    def __post_init__(self) -> None:
        for each in fields(self):  # lists, as TOML and JSON have them
            value = getattr(self, each.name)
            if isinstance(value, list):
                object.__setattr__(self, each.name, tuple(value))
        stages = {len(self.channels), len(self.depths), len(self.granularity)}
        if len(stages) != 1:
            raise UserError("channels, depths and granularity must name as many stages each.")
        reduced = self.stem_stride * 2 ** (len(self.channels) - 1)
        if self.image[1] != self.image[2] or self.image[1] % reduced:
            raise UserError(f"Expected square images of a multiple of {reduced} pixels.")
        for stage, (size, cell) in enumerate(zip(self.sizes, self.granularity, strict=True)):
            if not isinstance(cell, int) or cell < 1 or size % cell:
                raise UserError(
                    f"The granularity of stage {stage + 1} must divide its side, {size}; "
                    f"got {cell}."
                )

    @property
    def sizes(self) -> tuple[int, ...]:
        """Side of the map of each stage."""
        return tuple(self.image[1] // self.stem_stride // 2**i for i in range(len(self.channels)))

    @property
    def blocks(self) -> tuple[Block, ...]:
        """Every block as the latency model takes it, from the input on."""
        found, inputs = [], self.stem
        for stage, (depth, outputs) in enumerate(zip(self.depths, self.channels, strict=True)):
            for place in range(depth):
                stride = 2 if stage and not place else 1
                width = outputs // self.bottleneck
                size = self.sizes[stage]
                found.append(Block(inputs, width, outputs, size, stride, 1, 0, stage))
                inputs = outputs
        return tuple(found)

    @property
    def cells(self) -> tuple[int, ...]:
        """Side of the mask of each block, in cells."""
        return tuple(block.size // self.granularity[block.stage] for block in self.blocks)
