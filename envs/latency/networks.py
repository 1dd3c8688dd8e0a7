"""Residual networks of bottleneck blocks as data: what the latency model needs of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

SIZES = (56, 28, 14, 7)
"""Side of the maps of each stage, for images of 224 pixels."""


@dataclass(frozen=True)
class Block:
    """A bottleneck: 1x1, 3x3 with the stride, 1x1, and the shortcut.

    Attributes:
        inputs: channels that come in.
        width: channels of the 3x3 convolution.
        outputs: channels that go out.
        size: side of the outgoing map.
        stride: 1 or 2.
        groups: of the 3x3 convolution.
        squeeze: hidden units of squeeze-and-excitation; 0 for none.
        stage: 0 to 3.
    """

    inputs: int
    width: int
    outputs: int
    size: int
    stride: int
    groups: int
    squeeze: int
    stage: int


@dataclass(frozen=True)
class LatencyNetwork:
    """Four stages of bottlenecks.

    Attributes:
        title: as papers call it.
        depths: blocks of each stage.
        channels: that each stage gives.
        stem: channels that the first stage gets.
        bottleneck: outgoing channels over those of the 3x3 convolution.
        group_width: channels of a group of the 3x3 convolution; 0 for one group.
        excited: whether blocks have squeeze-and-excitation.
        first_stride: of the first stage.
    """

    title: str
    depths: tuple[int, ...]
    channels: tuple[int, ...]
    stem: int
    bottleneck: int = 4
    group_width: int = 0
    excited: bool = False
    first_stride: int = 1

    def blocks(self) -> Iterator[Block]:
        """Every block, from the input on."""
        inputs = self.stem
        for stage, (depth, outputs, size) in enumerate(
            zip(self.depths, self.channels, SIZES, strict=True)
        ):
            width = outputs // self.bottleneck
            for place in range(depth):
                stride = 1 if place else (2 if stage else self.first_stride)
                groups = width // self.group_width if self.group_width else 1
                squeeze = round(0.25 * inputs) if self.excited else 0
                yield Block(inputs, width, outputs, size, stride, groups, squeeze, stage)
                inputs = outputs


NETWORKS = {
    "resnet50": LatencyNetwork("ResNet-50", (3, 4, 6, 3), (256, 512, 1024, 2048), 64),
    "resnet101": LatencyNetwork("ResNet-101", (3, 4, 23, 3), (256, 512, 1024, 2048), 64),
    "regnety-400mf": LatencyNetwork(
        "RegNetY-400MF", (1, 3, 6, 6), (48, 104, 208, 440), 32, 1, 8, True, 2
    ),
    "regnety-800mf": LatencyNetwork(
        "RegNetY-800MF", (1, 3, 8, 2), (64, 144, 320, 784), 32, 1, 16, True, 2
    ),
}
