"""Convolutional pieces that the multi-exit networks share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import sqrt

from torch import Tensor, nn

from leapbench.errors import unknown

_STEMS = ("conv", "conv2", "imagenet")


def conv_bn_relu(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """Convolution without bias, batch normalisation and ReLU.

    Args:
        inputs: channels of the incoming map.
        outputs: channels of the result.
        kernel: side of the kernel, odd, pixels; padded by half of it.
        stride: pixels between two applications.
    """
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Bottleneck(nn.Sequential):
    """1x1 convolution, then a 3x3 one; the branch that a dense layer adds to its input.

    Args:
        inputs: channels of the incoming map.
        outputs: channels added.
        width: limit of the 1x1 convolution's channels, as a multiple of `outputs`.
        stride: 2 to halve the map, else 1.
    """

    def __init__(self, inputs: int, outputs: int, width: int, stride: int = 1) -> None:
        inner = min(inputs, width * outputs)
        super().__init__(conv_bn_relu(inputs, inner, 1), conv_bn_relu(inner, outputs, 3, stride))


class Stem(nn.Module):
    """First layer: a feature map per scale, finest first, each made from the one before.

    Args:
        inputs: image channels.
        channels: base channels.
        factors: channel multiplier of each scale, finest first.
        kind: "conv" (3x3), "conv2" (3x3, stride 2) or "imagenet" (7x7/2, pool /2).
        strides: stride of each scale after the finest; 2 each by default.

    Raises:
        UserError: for another kind.
    """

    def __init__(
        self,
        inputs: int,
        channels: int,
        factors: Sequence[int],
        kind: str,
        strides: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        if kind not in _STEMS:
            raise unknown("stem", kind, _STEMS)
        first = channels * factors[0]
        if kind == "imagenet":
            entry = nn.Sequential(
                nn.Conv2d(inputs, first, 7, 2, 3),
                nn.BatchNorm2d(first),
                nn.ReLU(inplace=True),
                nn.MaxPool2d(3, 2, 1),
            )
        else:
            entry = conv_bn_relu(inputs, first, 3, 2 if kind == "conv2" else 1)
        widths = [channels * factor for factor in factors]
        strides = strides or [2] * (len(factors) - 1)
        self.scales = nn.ModuleList([entry])
        for a, b, stride in zip(widths, widths[1:], strides, strict=False):
            self.scales.append(conv_bn_relu(a, b, 3, stride))

    def forward(self, x: Tensor) -> list[Tensor]:
        """Turn images, float32 (B, C, H, W), into feature maps, finest first."""
        maps = []
        for scale in self.scales:
            x = scale(x)
            maps.append(x)
        return maps


class ExitHead(nn.Module):
    """Classifier of one exit: strided 3x3 convolutions, average pool, linear layer.

    Two convolutions are followed by the published 2x2 pool; with one (the small
    networks) the whole map is averaged.

    Args:
        inputs: channels of the incoming map.
        inner: channels inside the head; 0 keeps `inputs`.
        convs: number of 3x3 convolutions of stride 2.
        classes: number of classes.
    """

    def __init__(self, inputs: int, inner: int, convs: int, classes: int) -> None:
        super().__init__()
        inner = inner or inputs
        widths = [inputs] + [inner] * convs
        self.features = nn.Sequential(
            *(conv_bn_relu(a, b, 3, 2) for a, b in pairwise(widths)),
            nn.AvgPool2d(2) if convs == 2 else nn.AdaptiveAvgPool2d(1),
        )
        self.linear = nn.Linear(inner, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, classes) from a feature map (B, inputs, H, W)."""
        logits: Tensor = self.linear(self.features(x).flatten(1))
        return logits


def initialise(network: nn.Module) -> None:
    """Draw convolution weights from N(0, 2 / (k^2 * C_out)) and zero the linear biases.

    Both papers' code writes this rule. RANet's applies it to all but the stem;
    MSDNet's loop (also in L2W-DEN) stops at containers and never reaches a
    convolution, so that the published networks started from PyTorch's default.

    Args:
        network: changed in place; weights come from torch's global generator.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels
            nn.init.normal_(module.weight, 0.0, sqrt(2.0 / fan_out))
        elif isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)
