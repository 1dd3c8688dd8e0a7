"""A small residual network with a head for each task, and the list of its prunable layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

STEM, MIDDLE, HEAD = 24, 32, 48
"""Channels at width 1."""
SHARED = -1
"""Owner of a layer that every task uses."""


class Layer(NamedTuple):
    """A convolution or linear layer whose weights may be pruned.

    Attributes:
        name: of the module.
        group: part of the network that it belongs to ("stem", "block1", "head-depth", ...).
        owner: index of the task that alone uses it, or `SHARED`.
        shape: of the weights.
        positions: outputs that each weight contributes to, for one image.
    """

    name: str
    group: str
    owner: int
    shape: tuple[int, ...]
    positions: int

    @property
    def size(self) -> int:
        """Weights."""
        size = 1
        for each in self.shape:
            size *= each
        return size

    @property
    def cost(self) -> int:
        """Multiply-adds of one image in the dense layer."""
        return self.size * self.positions


class Block(nn.Module):
    """BasicBlock of ResNet (He et al., 2016) with a 1x1 shortcut where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module | None = None
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        hidden = torch.relu_(self.bn1(self.conv1(features)))
        hidden = self.bn2(self.conv2(hidden))
        kept = features if self.shortcut is None else self.shortcut(features)
        return torch.relu_(hidden + kept)


class Backbone(nn.Module):
    """Stem and residual blocks; features at a quarter of the picture's resolution."""

    def __init__(self, width: float, blocks: int) -> None:
        super().__init__()
        stem, middle = round(STEM * width), round(MIDDLE * width)
        self.stem = nn.Conv2d(3, stem, 3, 2, 1, bias=False)
        self.bn = nn.BatchNorm2d(stem)
        sizes = [stem] + [middle] * blocks
        self.blocks = nn.ModuleList(
            Block(a, b, 2 if i == 0 else 1) for i, (a, b) in enumerate(pairwise(sizes))
        )
        self.channels = middle

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, 3, H, W) to features (B, channels, H / 4, W / 4)."""
        features = torch.relu_(self.bn(self.stem(images)))
        for block in self.blocks:
            features = block(features)
        return features


class Head(nn.Sequential):
    """A dilated 3x3 layer and two 1x1 layers, as the branches of DeepLab's heads."""

    def __init__(self, inputs: int, width: float, outputs: int) -> None:
        hidden = round(HEAD * width)
        super().__init__(
            nn.Conv2d(inputs, hidden, 3, padding=2, dilation=2),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, hidden, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, outputs, 1),
        )


class SceneNet(nn.Module):
    """A backbone that all tasks share, or one for each, and a head for each task.

    Args:
        outputs: channels that each task predicts, in the order of the tasks.
        width: factor of all channels.
        blocks: residual blocks.
        separate: a backbone for each task: independent networks that train side by side.
    """

    def __init__(
        self,
        outputs: Mapping[str, int],
        width: float = 1.0,
        blocks: int = 2,
        separate: bool = False,
    ) -> None:
        super().__init__()
        count = len(outputs) if separate else 1
        self.backbones = nn.ModuleList(Backbone(width, blocks) for _ in range(count))
        channels: Any = self.backbones[0].channels
        self.heads = nn.ModuleList(Head(channels, width, each) for each in outputs.values())
        self.names = tuple(outputs)
        for module in self.modules():  # He et al., 2015
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, images: Tensor) -> list[Tensor]:
        """What each task predicts, (B, outputs, H / 4, W / 4) each."""
        features = [backbone(images) for backbone in self.backbones]
        if len(features) == 1:
            return [head(features[0]) for head in self.heads]
        return [head(each) for head, each in zip(self.heads, features, strict=True)]

    def place(self, name: str) -> tuple[str, int]:
        """Group and owner of the module called `name`."""
        kind, index, *rest = name.split(".")
        if kind == "heads":
            return f"head-{self.names[int(index)]}", int(index)
        part = "stem" if rest[0] == "stem" else f"block{int(rest[1]) + 1}"
        if len(self.backbones) == 1:
            return part, SHARED
        return f"{part}-{self.names[int(index)]}", int(index)


def prunable(network: nn.Module) -> list[tuple[str, Any]]:
    """Convolutions and linear layers by name, in the order in which they were made."""
    kinds = (nn.Conv2d, nn.Linear)
    return [(name, each) for name, each in network.named_modules() if isinstance(each, kinds)]


def layers_of(network: Any, size: Sequence[int]) -> list[Layer]:
    """Prunable layers of a network for pictures of `size` (height, width), measured by a pass.

    Args:
        network: has `place(name)`, the group and owner of a module.
        size: of the pictures, in pixels.
    """
    found: dict[str, int] = {}
    hooks = [
        module.register_forward_hook(
            lambda _, __, out, name=name: found.__setitem__(name, out[0, 0].numel())
        )
        for name, module in prunable(network)
    ]
    outputs_of(network, size)
    for hook in hooks:
        hook.remove()
    layers = []
    for name, module in prunable(network):
        group, owner = network.place(name)
        layers.append(Layer(name, group, owner, tuple(module.weight.shape), found[name]))
    return layers


def outputs_of(network: Any, size: Sequence[int]) -> tuple[int, int]:
    """Height and width of what a network predicts for pictures of `size`, by a pass."""
    was = network.training
    with torch.no_grad():
        device = next(network.parameters()).device
        found = network.eval()(torch.zeros(1, 3, *size, device=device))[0]
    network.train(was)
    return int(found.shape[2]), int(found.shape[3])
