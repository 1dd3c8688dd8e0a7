"""Residual networks of bottlenecks with the names of torchvision's parameters, and their weights.

He et al. (CVPR 2016); the stride is in the 3x3 convolution, as in torchvision. Several families
run them or take over weights in this layout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from leapbench.errors import UserError

WIDTHS = (64, 128, 256, 512)
"""Channels of the 3x3 convolutions of each stage; a quarter of those that go out."""
RESNET50, RESNET101 = (3, 4, 6, 3), (3, 4, 23, 3)
"""Blocks of each stage."""
HINT = "safetensors.torch.save_file(torchvision_model.state_dict(), path) writes one."


def conv(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """A convolution without bias, whose zeros keep a map's size but for the stride."""
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)


class Bottleneck(nn.Module):
    """Residual block of 1x1, 3x3 and 1x1 convolutions, the stride in the middle one."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = 4 * width
        self.conv1, self.bn1 = conv(inputs, width, 1), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = conv(width, width, 3, stride), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = conv(width, outputs, 1), nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module | None = None
        if stride != 1 or inputs != outputs:
            fitted = conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs)
            self.downsample = nn.Sequential(*fitted)

    def forward(self, x: Tensor) -> Tensor:
        """A map to the next."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn3(self.conv3(self.relu(self.bn2(self.conv2(out)))))
        short = x if self.downsample is None else self.downsample(x)
        added: Tensor = self.relu(out + short)
        return added


class ResNet(nn.Module):
    """Images (B, 3, H, W) to logits, or to maps (B, 2048, H / 32, W / 32).

    Args:
        depths: blocks of each of the four stages.
        classes: outputs of the classifier `fc`; 0 leaves it out, and gives maps.
    """

    def __init__(self, depths: Sequence[int] = RESNET50, classes: int = 0) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        self.relu, self.maxpool = nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)
        inputs = 64
        for number, (width, blocks) in enumerate(zip(WIDTHS, depths, strict=True), 1):
            made = []
            for block in range(blocks):
                made.append(Bottleneck(inputs, width, 2 if number > 1 and block == 0 else 1))
                inputs = 4 * width
            self.add_module(f"layer{number}", nn.Sequential(*made))
        self.fc = nn.Linear(inputs, classes) if classes else None

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, classes), or the last map where there is no classifier."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for number in range(1, len(WIDTHS) + 1):
            x = self.get_submodule(f"layer{number}")(x)
        return x if self.fc is None else self.fc(x.mean((2, 3)))


def read_weights(path: Path, whose: str) -> dict[str, Tensor]:
    """Weights by their names in torchvision's layout.

    Args:
        path: a safetensors file.
        whose: network that they are to fit, for the error.

    Raises:
        UserError: when it is not there or no such file.
    """
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise unfit(path, whose, error) from error


def take_over(module: nn.Module, weights: Mapping[str, Tensor], path: Path, whose: str) -> None:
    """Load weights by name.

    Raises:
        UserError: when they are another network's.
    """
    try:
        module.load_state_dict(dict(weights))
    except RuntimeError as error:
        raise unfit(path, whose, error) from error


def unfit(path: Path, whose: str, error: Exception) -> UserError:
    """Build the error for a file that does not hold a network's weights."""
    reason = " ".join(str(error).split())[:200]
    return UserError(f"{path} holds no weights of {whose}: {reason}.", HINT)
