"""Residual networks whose bottlenecks are computed on a part of the image only.

LASNet, section 3.1 (arXiv 2210.06223): every block has a masker, which looks at what comes in
and scores the cells of a grid; cells that are kept get the residual branch, the others pass on
as they are. A cell is `granularity` outputs wide and high. Here everything is computed and the
branch multiplied by the mask, which is how such networks are trained; what a sparse execution
of the same blocks would take is said by `leapbench.envs.latency.predictor`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from leapbench.envs.latency.networks import Block
from leapbench.envs.latency.shape import Shape

__all__ = ["Bottleneck", "DynamicNetwork", "Shape", "build"]
KEEP, KEEP_EXCITED = 5.0, 10.0
"""First bias of the masker's score for keeping a cell, of ResNets and of RegNets (released code):
training starts dense."""


class Excitation(nn.Module):
    """Squeeze-and-excitation (Hu et al., 2018): channels weighted by what the map's mean says.

    Args:
        channels: of the map.
        hidden: units between the two layers.
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(channels, hidden, 1), nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """A map (B, C, H, W) to one of its size."""
        hidden = functional.relu(self.fc1(x.mean((2, 3), keepdim=True)))
        return x * torch.sigmoid(self.fc2(hidden))


class Bottleneck(nn.Module):
    """1x1, 3x3 with the stride, 1x1, each with batch norm, and a sum with what came in.

    Args:
        block: channels, stride and side of the outgoing map.
        cells: side of the mask, in cells.

    Attributes:
        masker: a convolution of 1x1 that scores keeping and skipping each cell.
        se: squeeze-and-excitation after the second convolution, of the whole map; where the block
            has none, nothing.
        shortcut: always computed, everywhere; nothing where what came in fits already.
    """

    def __init__(self, block: Block, cells: int) -> None:
        super().__init__()
        self.block, self.cells = block, cells
        self.conv1 = nn.Conv2d(block.inputs, block.width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(block.width)
        self.conv2 = nn.Conv2d(
            block.width, block.width, 3, block.stride, 1, groups=block.groups, bias=False
        )
        self.bn2 = nn.BatchNorm2d(block.width)
        self.conv3 = nn.Conv2d(block.width, block.outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(block.outputs)
        self.se: nn.Module = nn.Identity()
        if block.squeeze:
            self.se = Excitation(block.width, block.squeeze)
        self.masker = nn.Conv2d(block.inputs, 2, 1)
        self.shortcut = nn.Sequential()
        if block.stride > 1 or block.inputs != block.outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(block.inputs, block.outputs, 1, block.stride, bias=False),
                nn.BatchNorm2d(block.outputs),
            )
        nn.init.zeros_(self.masker.weight)
        with torch.no_grad():
            keep = KEEP_EXCITED if block.squeeze else KEEP
            self.masker.bias.copy_(torch.tensor([keep, 0.0]))  # type: ignore[union-attr]

    def scores(self, x: Tensor) -> Tensor:
        """Scores of keeping and of skipping each cell, (B, 2, m, m), from what came in."""
        pooled = functional.adaptive_avg_pool2d(x, self.cells)
        return self.masker(pooled)  # type: ignore[no-any-return]

    def branch(self, x: Tensor) -> Tensor:
        """The residual branch, computed everywhere, (B, outputs, H, W)."""
        x = functional.relu(self.bn1(self.conv1(x)))
        x = self.se(functional.relu(self.bn2(self.conv2(x))))
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
        kernel = shape.stem_kernel
        stem = (
            nn.Conv2d(
                shape.image[0], shape.stem, kernel, shape.stem_stride, kernel // 2, bias=False
            ),
            nn.BatchNorm2d(shape.stem),
            nn.ReLU(),
        )
        self.stem = nn.Sequential(*stem, *([nn.MaxPool2d(3, 2, 1)] if shape.pool else []))
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
