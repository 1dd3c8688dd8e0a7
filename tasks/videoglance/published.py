"""Multiply-adds of the published networks, from their layers.

Backbones are counted by running them. What stands around them is multiplied out from the layers
of the released code of AdaFocusV2 (2048 units in the policy) and Uni-AdaFocus. No code of
AdaFocusV3 was released; its total is that of the parts that its authors name elsewhere.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor, nn

from leapbench.envs.videoglance.backbones import GLANCE, LOOK, MobileNetV2, ResNet50
from leapbench.macs import count

FRAME, CELLS = 224, 7
"""Pixels of a frame's side, and cells of its map's."""
HIDDEN = 4096
"""Units of the published classifiers."""


class _Counted(nn.Module):
    """A backbone with a layer of two dimensions behind it, as the counter wants it."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone, self.end = backbone, nn.Flatten()

    def forward(self, x: Tensor) -> list[Tensor]:
        return [self.end(self.backbone(x).mean((2, 3), keepdim=True))]


@cache
def glance_frame(side: int = FRAME) -> int:
    """MobileNetV2 on a frame, without its classifier."""
    with torch.device("meta"):
        return count(_Counted(MobileNetV2()), (3, side, side))[0]


@cache
def look_frame(side: int) -> int:
    """ResNet-50 on a patch, without its classifier."""
    with torch.device("meta"):
        return count(_Counted(ResNet50()), (3, side, side))[0]


def v2_frame(patch: int, classes: int = 200, units: int = 2048, squeezed: int = 64) -> int:
    """AdaFocusV2 a frame: both networks, the recurrent policy, the classifiers."""
    flat = squeezed * CELLS**2
    policy = GLANCE * flat + flat * units + 3 * units * 2 * units + units * 2
    heads = (GLANCE + LOOK) * HIDDEN + HIDDEN * classes + (GLANCE + LOOK) * classes
    return glance_frame() + look_frame(patch) + policy + heads


def uni_video(patch: int, looks: int, frames: int = 16, classes: int = 200) -> int:
    """Uni-AdaFocus a video: the whole glance, both policies, `looks` frames read."""
    places, width = frames * CELLS**2, 128
    spatial = places * width * (GLANCE + 2 * 27 * width) + frames * 4 * width * CELLS**2
    temporal = frames * (3 * GLANCE * 64 + 3 * 64 * 64 + 64)
    seen = (GLANCE + 1) * HIDDEN + HIDDEN * classes
    read = (LOOK + 1) * HIDDEN + 2 * HIDDEN * classes
    glance = frames * (glance_frame() + seen)
    return glance + spatial + temporal + looks * (look_frame(patch) + read)


def v3_video(patch: int, looks: int, frames: int = 16) -> int:
    """AdaFocusV3 a video, as far as it is known: the glance and `looks` frames of cubes.

    The published totals (19.33, 29.70 and 47.41 G for 96, 128 and 160 pixels) leave about 18,
    18 and 20 frames after a glance at 16 and one G of policy and classifier.
    """
    return frames * glance_frame() + looks * look_frame(patch)
