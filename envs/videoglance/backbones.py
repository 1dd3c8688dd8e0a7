"""The published pair of backbones, without their classifiers: MobileNetV2 and ResNet-50.

Sandler et al. (CVPR 2018) and He et al. (CVPR 2016), with the names of torchvision's
parameters, so that weights in its layout fit.
"""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from leapbench.errors import UserError

STRIDE = 32
"""Pixels a cell of both networks' last maps."""
GLANCE, LOOK = 1280, 2048
"""Channels of MobileNetV2's and of ResNet-50's last map."""
_INVERTED = (
    # expansion, channels, blocks, stride
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
_STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))  # width, blocks, stride


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)


def _unit(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    layers = _conv(inputs, outputs, kernel, stride, groups), nn.BatchNorm2d(outputs)
    return nn.Sequential(*layers, nn.ReLU6(inplace=True))


class Inverted(nn.Module):
    """Inverted residual: widen, filter each channel, narrow."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        wider = [] if expansion == 1 else [_unit(inputs, inner, 1)]
        narrow = _conv(inner, outputs, 1), nn.BatchNorm2d(outputs)
        self.conv = nn.Sequential(*wider, _unit(inner, inner, 3, stride, inner), *narrow)
        self.kept = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """A map to the next."""
        out: Tensor = self.conv(x)
        return x + out if self.kept else out


class MobileNetV2(nn.Module):
    """Images (B, 3, H, W) to maps (B, 1280, H / 32, W / 32)."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [_unit(3, 32, 3, 2)]
        inputs = 32
        for expansion, channels, blocks, stride in _INVERTED:
            for block in range(blocks):
                layers.append(Inverted(inputs, channels, stride if block == 0 else 1, expansion))
                inputs = channels
        self.features = nn.Sequential(*layers, _unit(inputs, GLANCE, 1))

    def forward(self, x: Tensor) -> Tensor:
        """The last map."""
        out: Tensor = self.features(x)
        return out


class Bottleneck(nn.Module):
    """Residual block of 1x1, 3x3 and 1x1 convolutions, the stride in the middle one."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = 4 * width
        self.conv1, self.bn1 = _conv(inputs, width, 1), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = _conv(width, width, 3, stride), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = _conv(width, outputs, 1), nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module | None = None
        if stride != 1 or inputs != outputs:
            fitted = _conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs)
            self.downsample = nn.Sequential(*fitted)

    def forward(self, x: Tensor) -> Tensor:
        """A map to the next."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn3(self.conv3(self.relu(self.bn2(self.conv2(out)))))
        short = x if self.downsample is None else self.downsample(x)
        added: Tensor = self.relu(out + short)
        return added


class ResNet50(nn.Module):
    """Images (B, 3, H, W) to maps (B, 2048, H / 32, W / 32)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        self.relu, self.maxpool = nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)
        inputs = 64
        for number, (width, blocks, stride) in enumerate(_STAGES, 1):
            made = []
            for block in range(blocks):
                made.append(Bottleneck(inputs, width, stride if block == 0 else 1))
                inputs = 4 * width
            self.add_module(f"layer{number}", nn.Sequential(*made))

    def forward(self, x: Tensor) -> Tensor:
        """The last map."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for number in range(1, len(_STAGES) + 1):
            x = self.get_submodule(f"layer{number}")(x)
        return x


def load_weights(module: nn.Module, path: Path) -> None:
    """Take over weights in torchvision's layout; its classifier is left out.

    Args:
        module: one of the two.
        path: a safetensors file.

    Raises:
        UserError: when it is not there or fits another network.
    """
    hint = "safetensors.torch.save_file(torchvision_model.state_dict(), path) writes one."
    try:
        weights = load_file(path)
        kept = {k: v for k, v in weights.items() if not k.startswith(("fc.", "classifier."))}
        module.load_state_dict(kept)
    except (OSError, RuntimeError, SafetensorError) as error:
        name, reason = type(module).__name__, " ".join(str(error).split())[:200]
        raise UserError(f"{path} holds no weights of {name}: {reason}.", hint) from error
