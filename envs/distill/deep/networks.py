"""The convolutional networks of the paper's CIFAR-100 pairs.

Wide residual networks (Zagoruyko & Komodakis, 2016), residual networks for CIFAR with
shortcuts without weights (He et al., 2016), and MobileNetV2 (Sandler et al., 2018) for images of
32 pixels, as the released code has them: their numbers of weights are golden tests.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from leapbench.errors import UserError

NAMES = "wrn-40-2, wrn-40-1, resnet-110, resnet-32, mobilenetv2-0.75"
"""Examples of names."""
PATTERN = r"wrn-(\d{1,4})-(\d{1,2})|resnet-(\d{1,4})|mobilenetv2-(\d\.\d{1,3})"
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 1),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
"""Of MobileNetV2: expansion, channels, blocks and stride of the first."""
LAST = 1280
"""Channels of its last convolution."""
DEEPEST, WIDEST = 1300, 16
"""Layers and factor of the channels, at most."""


class Network(nn.Module):
    """Feature maps, their mean, a linear layer.

    Args:
        maps: gives the last feature maps, (B, channels, h, w), from images (B, 3, H, W).
        channels: of these maps.
        classes: numbers that go out.
    """

    def __init__(self, maps: nn.Module, channels: int, classes: int) -> None:
        super().__init__()
        self.maps, self.channels = maps, channels
        self.linear = nn.Linear(channels, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, classes)."""
        found: Tensor = self.linear(self.maps(images).mean((2, 3)))
        return found


class PreActivated(nn.Module):
    """Block of a wide residual network: normalise, ReLU, convolve, twice."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.BatchNorm2d(inputs), nn.BatchNorm2d(outputs)])
        self.first = _three(inputs, outputs, stride)
        self.second = _three(outputs, outputs)
        same = inputs == outputs
        self.short = None if same else nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Maps from maps."""
        ready = F.relu(self.norms[0](x))
        found: Tensor = self.second(F.relu(self.norms[1](self.first(ready))))
        return found + (x if self.short is None else self.short(ready))


class Residual(nn.Module):
    """Block of a residual network; where it narrows, its shortcut skips pixels and adds zeros."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first, self.second = _three(inputs, outputs, stride), _three(outputs, outputs)
        self.norms = nn.ModuleList([nn.BatchNorm2d(outputs), nn.BatchNorm2d(outputs)])
        self.stride, self.missing = stride, (outputs - inputs) // 2

    def forward(self, x: Tensor) -> Tensor:
        """Maps from maps."""
        found = self.norms[1](self.second(F.relu(self.norms[0](self.first(x)))))
        if self.missing:
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, *[self.missing] * 2))
        return F.relu(found + x)


class Inverted(nn.Module):
    """Block of MobileNetV2: widen, convolve each channel, narrow."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.layers = nn.Sequential(
            *_normed(nn.Conv2d(inputs, wide, 1, bias=False)),
            *_normed(nn.Conv2d(wide, wide, 3, stride, 1, groups=wide, bias=False)),
            *_normed(nn.Conv2d(wide, outputs, 1, bias=False))[:2],
        )
        self.same = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Maps from maps."""
        found: Tensor = self.layers(x)
        return found + x if self.same else found


def _three(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)


def _normed(layer: nn.Conv2d) -> tuple[nn.Module, nn.Module, nn.Module]:
    return layer, nn.BatchNorm2d(layer.out_channels), nn.ReLU()


def _blocks(
    block: Callable[[int, int, int], nn.Module], each: int, widths: tuple[int, ...]
) -> list[nn.Module]:
    """Three stages of as many blocks, the second and third at half the resolution."""
    found, inputs = [], 16
    for stage, width in enumerate(widths):
        for place in range(each):
            found.append(block(inputs, width, 2 if stage and not place else 1))
            inputs = width
    return found


def wide(depth: int, factor: int, classes: int) -> Network:
    """A wide residual network of 6 n + 4 layers."""
    widths = (16 * factor, 32 * factor, 64 * factor)
    body = _blocks(PreActivated, (depth - 4) // 6, widths)
    maps = nn.Sequential(_three(3, 16), *body, nn.BatchNorm2d(widths[-1]), nn.ReLU())
    return Network(maps, widths[-1], classes)


def residual(depth: int, classes: int) -> Network:
    """A residual network of 6 n + 2 layers."""
    body = _blocks(Residual, (depth - 2) // 6, (16, 32, 64))
    return Network(nn.Sequential(*_normed(_three(3, 16)), *body), 64, classes)


def mobile(factor: float, classes: int) -> Network:
    """MobileNetV2 with channels times `factor`, the last ones not."""
    inputs = int(32 * factor)
    layers: list[nn.Module] = [*_normed(_three(3, inputs, 2))]
    for expansion, channels, blocks, stride in STAGES:
        for place in range(blocks):
            outputs = int(channels * factor)
            layers.append(Inverted(inputs, outputs, 1 if place else stride, expansion))
            inputs = outputs
    layers += _normed(nn.Conv2d(inputs, LAST, 1, bias=False))
    return Network(nn.Sequential(*layers), LAST, classes)


def shaped(name: str, classes: int) -> Network:
    """A network by its name, such as those of `NAMES`; its weights are whatever torch draws.

    Raises:
        UserError: for a name that is none.
    """
    match = re.fullmatch(
        r"wrn-(\d{1,4})-(\d{1,2})|resnet-(\d{1,4})|mobilenetv2-(\d\.\d{1,3})", name
    )
    if match:
        depth, factor, layers, width = match.groups()
        if width and 0.1 <= float(width) <= WIDEST:
            return mobile(float(width), classes)
        if layers and 8 <= int(layers) <= DEEPEST and int(layers) % 6 == 2:
            return residual(int(layers), classes)
        good = depth and 10 <= int(depth) <= DEEPEST and int(depth) % 6 == 4
        if good and 1 <= int(factor) <= WIDEST:
            return wide(int(depth), int(factor), classes)
    expected = "Depths are 6 n + 4 for wrn and 6 n + 2 for resnet."
    raise UserError(f"There is no network {name!r}; there are such as {NAMES}.", expected)


def built(name: str, classes: int, seed: int) -> Network:
    """A network with first weights that a seed decides, as the released code draws them."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = shaped(name, classes)
        mode = "fan_in" if name.startswith("resnet") else "fan_out"
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode=mode)  # type: ignore[arg-type]
            elif isinstance(module, nn.Linear):
                if name.startswith("resnet"):
                    nn.init.kaiming_normal_(module.weight)
                elif name.startswith("mobile"):
                    nn.init.normal_(module.weight, std=0.01)
                if not name.startswith("resnet"):
                    nn.init.zeros_(module.bias)
    return network
