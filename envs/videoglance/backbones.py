"""The published pair of backbones, without their classifiers: MobileNetV2 and ResNet-50.

Sandler et al. (CVPR 2018) and He et al. (CVPR 2016), with the names of torchvision's
parameters, so that weights in its layout fit.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from leapbench.envs.residual import RESNET50, ResNet, conv, read_weights, take_over

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


def _unit(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    layers = conv(inputs, outputs, kernel, stride, groups), nn.BatchNorm2d(outputs)
    return nn.Sequential(*layers, nn.ReLU6(inplace=True))


class Inverted(nn.Module):
    """Inverted residual: widen, filter each channel, narrow."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        wider = [] if expansion == 1 else [_unit(inputs, inner, 1)]
        narrow = conv(inner, outputs, 1), nn.BatchNorm2d(outputs)
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


class ResNet50(ResNet):
    """Images (B, 3, H, W) to maps (B, 2048, H / 32, W / 32)."""

    def __init__(self) -> None:
        super().__init__(RESNET50)


def load_weights(module: nn.Module, path: Path) -> None:
    """Take over weights in torchvision's layout; its classifier is left out.

    Args:
        module: one of the two.
        path: a safetensors file.

    Raises:
        UserError: when it is not there or fits another network.
    """
    name = type(module).__name__
    weights = read_weights(path, name)
    kept = {k: v for k, v in weights.items() if not k.startswith(("fc.", "classifier."))}
    take_over(module, kept, path, name)
