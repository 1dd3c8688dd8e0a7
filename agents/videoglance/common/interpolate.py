"""Cubes at places between pixels or cells, with the derivative by the place.

Linear along each axis. Equal to `torch.nn.functional.grid_sample` with aligned corners at the
same points, without its general grids.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from leapbench.envs.videoglance.tensors import crop, parted


def between_cells(maps: Tensor, start: Tensor, size: Sequence[int]) -> Tensor:
    """Cubes of a small map, with gradients to the map and to the place.

    Args:
        maps: (B, C, T, h, w).
        start: (B, 3), first place along time, rows and columns, in cells, 0 or more.
        size: cells of a cube along each axis.

    Returns:
        (B, C, t, h', w').
    """
    out = maps
    for axis, cells in enumerate(size):
        out = _along(out, start[:, axis], cells, axis + 2)
    return out


def between_pixels(clips: Tensor, start: Tensor, size: Sequence[int]) -> Tensor:
    """Cubes of clips, with the gradient to the place alone (AdaFocusV2, section 3.2).

    Args:
        clips: (B, channels, T, H, W), without gradient.
        start: (B, K, 3), first frame, row and column.
        size: frames, rows and columns of a cube.

    Returns:
        (B, K, channels, t, h, w).
    """
    whole = torch.tensor(clips.shape[2:], device=clips.device)
    last = whole - torch.tensor(size, device=clips.device)
    floor = torch.minimum(start.detach().floor().long(), (last - 1).clamp(min=0)).clamp(min=0)
    share = (start - floor)[..., None, None, None, None]
    wider = [part + int(room > 0) for part, room in zip(size, last.tolist(), strict=True)]
    out = crop(clips, floor, wider)
    for axis, room in enumerate(last.tolist()):
        if room > 0:
            low = out.narrow(axis + 3, 0, size[axis])
            out = torch.lerp(low, out.narrow(axis + 3, 1, size[axis]), share[:, :, axis])
    return out


def _along(maps: Tensor, start: Tensor, cells: int, axis: int) -> Tensor:
    """Interpolate one axis: weights fall linearly from the place to its neighbours."""
    places = torch.arange(maps.shape[axis], device=maps.device)
    wanted = start[:, None] + torch.arange(cells, device=maps.device)
    weight = (1 - (wanted[:, :, None] - places).abs()).clamp(min=0)  # (B, cells, length)
    moved = maps.movedim(axis, -1)
    out = moved.flatten(1, -2) @ weight.transpose(1, 2)
    return parted(out, 1, tuple(moved.shape[1:-1])).movedim(-1, axis)
