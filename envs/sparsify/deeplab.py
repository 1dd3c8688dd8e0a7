"""DeepLab with a ResNet-34 backbone and four dilated branches a task, the network of DiSparse."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from leapbench.envs.sparsify.network import SHARED

STAGES = ((64, 3, 1, 1), (128, 4, 2, 1), (256, 6, 1, 2), (512, 3, 1, 4))
"""Channels, blocks, stride and dilation of each stage."""
RATES, WIDE = (6, 12, 18, 24), 1024
"""Dilations and channels of a head's branches."""
DEVIATION = 0.01
"""Of the backbone's initial weights."""


class Block(nn.Module):
    """BasicBlock with dilation, without the sum and what follows it."""

    def __init__(self, inputs: int, outputs: int, stride: int, dilation: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, dilation, dilation, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, dilation, dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module | None = None

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        hidden = torch.relu_(self.bn1(self.conv1(features)))
        kept = features if self.shortcut is None else self.shortcut(features)
        return torch.relu_(self.bn2(self.conv2(hidden)) + kept)


class Backbone(nn.Module):
    """ResNet-34 whose last two stages dilate: features at an eighth of the resolution."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn = nn.BatchNorm2d(64)
        self.pool = nn.MaxPool2d(3, 2, 1, ceil_mode=True)
        stages, inputs = [], 64
        for outputs, count, stride, dilation in STAGES:
            blocks = []
            for index in range(count):
                block = Block(inputs, outputs, stride if index == 0 else 1, dilation)
                if index == 0 and (stride != 1 or inputs != outputs or dilation > 1):
                    block.shortcut = nn.Sequential(
                        nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
                    )
                blocks.append(block)
                inputs = outputs
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.ModuleList(stages)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, 0.0, DEVIATION)

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, 3, H, W) to features (B, 512, H / 8, W / 8)."""
        features = self.pool(torch.relu_(self.bn(self.stem(images))))
        for stage in self.stages:
            features = stage(features)
        found: Tensor = features
        return found


class Dropout(nn.Module):
    """Dropout whose draws follow from its state, so that a run that goes on drops as before.

    Args:
        share: of the numbers that are dropped in training, in [0, 1).
    """

    count: Tensor

    def __init__(self, share: float = 0.5) -> None:
        super().__init__()
        self.share = share
        self.register_buffer("count", torch.randint(2**31, ()))

    def forward(self, features: Tensor) -> Tensor:
        """Features of the same shape."""
        if not self.training:
            return features
        self.count += 1
        generator = torch.Generator(features.device).manual_seed(int(self.count))
        drawn = torch.rand(features.shape, generator=generator, device=features.device)
        return features * (drawn >= self.share) / (1 - self.share)


class Branch(nn.Sequential):
    """A dilated layer and two 1x1 layers, with dropout."""

    def __init__(self, inputs: int, outputs: int, rate: int) -> None:
        super().__init__(
            nn.Conv2d(inputs, WIDE, 3, padding=rate, dilation=rate),
            nn.ReLU(inplace=True),
            Dropout(),
            nn.Conv2d(WIDE, WIDE, 1),
            nn.ReLU(inplace=True),
            Dropout(),
            nn.Conv2d(WIDE, outputs, 1),
        )


class DeepLab(nn.Module):
    """DeepLab-ResNet-34 with a head of four summed branches for each task.

    Args:
        outputs: channels that each task predicts, in the order of the tasks.
    """

    def __init__(self, outputs: Mapping[str, int]) -> None:
        super().__init__()
        self.backbone = Backbone()
        self.heads = nn.ModuleList(
            nn.ModuleList(Branch(STAGES[-1][0], each, rate) for rate in RATES)
            for each in outputs.values()
        )
        self.names = tuple(outputs)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, images: Tensor) -> list[Tensor]:
        """What each task predicts, (B, outputs, H / 8, W / 8) each."""
        features = self.backbone(images)
        found: list[Tensor] = []
        for head in self.heads:
            branches = [branch(features) for branch in head.children()]
            found.append(torch.stack(branches).sum(0))
        return found

    def place(self, name: str) -> tuple[str, int]:
        """Group and owner of the module called `name`."""
        kind, part, *rest = name.split(".")
        if kind == "heads":
            return f"head-{self.names[int(part)]}", int(part)
        return ("stem" if part == "stem" else f"stage{int(rest[0]) + 1}"), SHARED
