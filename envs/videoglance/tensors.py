"""Clips and cubes as tensors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def pixels(frames: np.ndarray, channels: int) -> Tensor:
    """Clips uint8 (B, T, H, W) or (B, T, H, W, 3) as float32 (B, channels, T, H, W) in [0, 1]."""
    clips = torch.tensor(frames).float() / 255
    return clips.movedim(-1, 1) if channels == 3 else clips[:, None]


def parted(x: Tensor, axis: int, sizes: tuple[int, ...]) -> Tensor:
    """One axis as several."""
    return x.reshape(*x.shape[:axis], *sizes, *x.shape[axis + 1 :])


def crop(clips: Tensor, origins: Tensor, size: Sequence[int]) -> Tensor:
    """Cut cubes out at whole origins, by views of the clips.

    Args:
        clips: (B, channels, T, H, W).
        origins: int64 (B, K, 3), first frame, row and column.
        size: frames, rows and columns of a cube.

    Returns:
        (B, K, channels, t, h, w).
    """
    windows = clips.unfold(2, size[0], 1).unfold(3, size[1], 1).unfold(4, size[2], 1)
    batch = torch.arange(len(clips), device=clips.device)[:, None]
    t, y, x = origins.unbind(2)
    return windows[batch, :, t, y, x]
