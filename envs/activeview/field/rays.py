"""Cameras, the rays through their pixels, and where these cross the scene's box."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

Intrinsics = tuple[float, float, float, float]
"""Focal lengths and principal point (fx, fy, cx, cy) in pixels."""


class Rays(NamedTuple):
    """N rays, float32.

    Attributes:
        origins: (N, 3).
        directions: (N, 3), of unit length.
    """

    origins: Tensor
    directions: Tensor


def rays_of(pose: Tensor, intrinsics: Intrinsics, height: int, width: int) -> Rays:
    """Rays through the centres of the pixels, row by row.

    Args:
        pose: float32 (..., 4, 4), camera to world; the camera looks along its -z,
            x to the right and y up (OpenGL).
        intrinsics: fx, fy, cx, cy in pixels.
        height: rows.
        width: columns.

    Returns:
        (... * height * width) rays, camera by camera.
    """
    fx, fy, cx, cy = intrinsics
    pose = torch.as_tensor(pose, dtype=torch.float32)
    x = (torch.arange(width, device=pose.device) + 0.5 - cx) / fx
    y = (cy - 0.5 - torch.arange(height, device=pose.device)) / fy
    local = torch.stack((x.expand(height, width), y[:, None].expand(height, width)), -1)
    local = torch.nn.functional.pad(local, (0, 1), value=-1.0).reshape(-1, 3)
    local = local / local.norm(dim=1, keepdim=True)
    directions = local @ pose[..., :3, :3].transpose(-1, -2)
    origins = pose[..., None, :3, 3].expand(directions.shape)
    return Rays(origins.reshape(-1, 3), directions.reshape(-1, 3))


def spans(rays: Rays) -> tuple[Tensor, Tensor]:
    """Distances at which rays enter and leave [-1, 1]^3, float32 (N,) each.

    A ray that starts inside enters at 0; one that misses the box has equal ones.
    """
    inverse = 1 / torch.where(rays.directions.abs() < 1e-9, 1e-9, rays.directions)
    first, second = (-1 - rays.origins) * inverse, (1 - rays.origins) * inverse
    near = torch.minimum(first, second).amax(1).clamp_min(0)
    return near, torch.maximum(torch.maximum(first, second).amin(1), near)
