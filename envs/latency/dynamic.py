"""Residual networks whose bottlenecks are computed on a part of the image only.

LASNet, section 3.1 (arXiv 2210.06223): every block has a masker, which looks at what comes in
and scores the cells of a grid; cells that are kept get the residual branch, the others pass on
as they are. A cell is `granularity` outputs wide and high. Here everything is computed and the
branch multiplied by the mask, which is how such networks are trained; what a sparse execution
of the same blocks would take is said by `leapbench.envs.latency.predictor`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from leapbench.envs.latency.networks import Block
from leapbench.errors import UserError

KEEP = 5.0
"""First bias of the masker's score for keeping a cell (released code): training starts dense."""


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
            if cell < 1 or size % cell:
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


class Bottleneck(nn.Module):
    """1x1, 3x3 with the stride, 1x1, each with batch norm, and a sum with what came in.

    Args:
        block: channels, stride and side of the outgoing map.
        cells: side of the mask, in cells.

    Attributes:
        masker: a convolution of 1x1 that scores keeping and skipping each cell.
        shortcut: always computed, everywhere; nothing where what came in fits already.
    """

    def __init__(self, block: Block, cells: int) -> None:
        super().__init__()
        self.block, self.cells = block, cells
        self.conv1 = nn.Conv2d(block.inputs, block.width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(block.width)
        self.conv2 = nn.Conv2d(block.width, block.width, 3, block.stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(block.width)
        self.conv3 = nn.Conv2d(block.width, block.outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(block.outputs)
        self.masker = nn.Conv2d(block.inputs, 2, 1)
        self.shortcut = nn.Sequential()
        if block.stride > 1 or block.inputs != block.outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(block.inputs, block.outputs, 1, block.stride, bias=False),
                nn.BatchNorm2d(block.outputs),
            )
        nn.init.zeros_(self.masker.weight)
        with torch.no_grad():
            self.masker.bias.copy_(torch.tensor([KEEP, 0.0]))  # type: ignore[union-attr]

    def scores(self, x: Tensor) -> Tensor:
        """Scores of keeping and of skipping each cell, (B, 2, m, m), from what came in."""
        pooled = functional.adaptive_avg_pool2d(x, self.cells)
        return self.masker(pooled)  # type: ignore[no-any-return]

    def branch(self, x: Tensor) -> Tensor:
        """The residual branch, computed everywhere, (B, outputs, H, W)."""
        x = functional.relu(self.bn1(self.conv1(x)))
        x = functional.relu(self.bn2(self.conv2(x)))
        return self.bn3(self.conv3(x))  # type: ignore[no-any-return]

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """What goes out, (B, outputs, H, W).

        Args:
            x: what came in, (B, inputs, stride * H, stride * W).
            mask: (B, 1, m, m), 1 for cells that are kept and 0 for the others; None keeps all.
        """
        y = self.branch(x)
        if mask is not None:
            y = y * functional.interpolate(mask.to(y.dtype), scale_factor=y.shape[-1] // self.cells)
        return functional.relu(self.shortcut(x) + y)


class DynamicNetwork(nn.Module):
    """Stem, spatially dynamic bottlenecks, and a linear classifier of the pooled map.

    Args:
        shape: what it is built from.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.stem = nn.Sequential(
            nn.Conv2d(shape.image[0], shape.stem, 3, shape.stem_stride, 1, bias=False),
            nn.BatchNorm2d(shape.stem),
            nn.ReLU(),
        )
        self.blocks = nn.ModuleList(
            Bottleneck(block, cells) for block, cells in zip(shape.blocks, shape.cells, strict=True)
        )
        self.classifier = nn.Linear(shape.channels[-1], shape.classes)

    def head(self, x: Tensor) -> Tensor:
        """Logits (B, classes) from the last map."""
        return self.classifier(x.mean((2, 3)))  # type: ignore[no-any-return]

    def forward(self, images: Tensor, masks: Sequence[Tensor | None] | None = None) -> Tensor:
        """Logits (B, classes).

        Args:
            images: (B, C, H, W).
            masks: one a block, see `Bottleneck.forward`; None computes everything.
        """
        x = self.stem(images)
        for block, mask in zip(self.blocks, masks or [None] * len(self.blocks), strict=True):
            x = block(x, mask)
        return self.head(x)


def build(shape: Shape | dict[str, Any], seed: int) -> DynamicNetwork:
    """A network with freshly drawn weights, in channels-last form.

    Args:
        shape: the shape, or its fields.
        seed: decides the weights; the global generator is left as it was.
    """
    shape = shape if isinstance(shape, Shape) else Shape(**shape)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = DynamicNetwork(shape)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]
