"""f_G, f_L and f_C of AdaFocus (Wang et al., arXiv 2112.14238 and 2209.13465) in small.

Features of glance and looks enter one running maximum (section "f_C" of the released
AdaFocusV2 code), and one linear map reads it after any number of looks.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from leapbench.envs.videoglance.backbones import MobileNetV2, ResNet50
from leapbench.envs.videoglance.shape import Shape
from leapbench.envs.videoglance.tensors import parted

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def _block(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Normalise(nn.Module):
    """Pixels in [0, 1] as ImageNet's networks want them."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W), less the channels' means, over their deviations."""
        mean, deviation = x.new_tensor(MEAN), x.new_tensor(DEVIATION)
        return (x - mean[:, None, None]) / deviation[:, None, None]


class Glance(nn.Module):
    """f_G: every frame, averaged over blocks; a map (B, C, T, h, w)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        first, second = shape.glance
        self.pool = 1 if shape.large else shape.pool
        if shape.large:
            self.frames = nn.Sequential(Normalise(), MobileNetV2())
            self.time = nn.Sequential()
            return
        self.frames = nn.Sequential(_block(shape.channels, first, 1), _block(first, second, 2))
        self.time = nn.Sequential(
            nn.Conv3d(second, second, (3, 1, 1), padding=(1, 0, 0), bias=False),
            nn.BatchNorm3d(second),
            nn.ReLU(inplace=True),
        )

    def forward(self, clips: Tensor) -> Tensor:
        """Map of clips (B, channels, T, H, W)."""
        batch, channels, frames, height, width = clips.shape
        flat = clips.transpose(1, 2).reshape(batch * frames, channels, height, width)
        maps = self.frames(functional.avg_pool2d(flat, self.pool))
        maps = parted(maps, 0, (batch, frames)).transpose(1, 2)
        out: Tensor = self.time(maps)
        return out


class Look(nn.Module):
    """f_L: the frames of a cube; deep features (B, C, t, h, w)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        if shape.large:
            self.frames = nn.Sequential(Normalise(), ResNet50())
            return
        first, second, third = shape.look
        self.frames = nn.Sequential(
            _block(shape.channels, first, 2), _block(first, second, 2), _block(second, third, 1)
        )

    def forward(self, cubes: Tensor) -> Tensor:
        """Deep features of cubes (B, channels, t, h, w)."""
        batch, channels, frames, height, width = cubes.shape
        flat = cubes.transpose(1, 2).reshape(batch * frames, channels, height, width)
        maps: Tensor = self.frames(flat)
        return parted(maps, 0, (batch, frames)).transpose(1, 2)


class Reader(nn.Module):
    """f_G, f_L and f_C.

    Attributes:
        seen: from the glance's map, pooled, to F features.
        read: from a cube's deep features, pooled, to F features.
        head: the linear map of f_C.
        glance_only: classifier at every place of the glance's map, for the auxiliary loss
            and the map of evidence.
        look_only: classifier of the looks alone, for the auxiliary loss.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.glance, self.look = Glance(shape), Look(shape)
        self.seen = nn.Sequential(nn.Linear(shape.seen, shape.features), nn.ReLU())
        self.read = nn.Sequential(nn.Linear(shape.read, shape.features), nn.ReLU())
        self.head = nn.Linear(shape.features, shape.classes)
        self.glance_only = nn.Conv3d(shape.seen, shape.classes, 1)
        self.look_only = nn.Linear(shape.features, shape.classes)

    def glimpsed(self, maps: Tensor) -> Tensor:
        """Features (B, F) of the glance's map (B, C, T, h, w)."""
        out: Tensor = self.seen(maps.amax((2, 3, 4)))
        return out

    def looked(self, deep: Tensor) -> Tensor:
        """Features (B, F) of a cube's deep features (B, C, t, h, w)."""
        out: Tensor = self.read(deep.amax((2, 3, 4)))
        return out

    def answers(self, glimpsed: Tensor, looked: Tensor) -> Tensor:
        """Logits (B, K + 1, classes) after the glance and after each look (B, K, F)."""
        every = torch.cat((glimpsed[:, None], looked), 1)
        out: Tensor = self.head(every.cummax(1).values)
        return out
