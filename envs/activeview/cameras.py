"""Pinhole cameras: where they stand, which rays they see along, where a point appears.

Poses are camera-to-world matrices, float32 (..., 4, 4); a camera looks along its -z, with x
to the right and y up (OpenGL). The world's z points up. Lengths are half-edges of the
field's box [-1, 1]^3, angles are radians.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float32]
Intrinsics = tuple[float, float, float, float]
"""Focal lengths and principal point (fx, fy, cx, cy) in pixels; pixel centres are at halves."""


THINNING = 2
"""Candidates are scored on every such row and column (arXiv 2209.08546, section 5.2)."""


@dataclass(frozen=True)
class Optics:
    """What all cameras of an episode share.

    Attributes:
        intrinsics: fx, fy, cx, cy in pixels.
        height: rows of a picture.
        width: columns of a picture.
    """

    intrinsics: Intrinsics
    height: int
    width: int

    @classmethod
    def square(cls, side: int, field_of_view: float) -> Optics:
        """Square pictures of `side` pixels, seen under an angle in radians."""
        focal = side / 2 / float(np.tan(field_of_view / 2))
        return cls((focal, focal, side / 2, side / 2), side, side)

    def thinned(self) -> Optics:
        """The same camera with every second row and column, in which candidates are scored."""
        return self.resized(*(max(1, edge // THINNING) for edge in (self.height, self.width)))

    def resized(self, height: int, width: int) -> Optics:
        """The same camera with other pixels."""
        fx, fy, cx, cy = self.intrinsics
        x, y = width / self.width, height / self.height
        return Optics((fx * x, fy * y, cx * x, cy * y), height, width)


def on_sphere(azimuth: ArrayLike, elevation: ArrayLike, radius: float) -> NDArray[np.float64]:
    """Points (..., 3) at angles from the x axis and from the horizon."""
    around, up = np.asarray(azimuth), np.asarray(elevation)
    level = np.cos(up)
    return radius * np.stack((level * np.cos(around), level * np.sin(around), np.sin(up)), -1)


def look_at(position: ArrayLike, target: ArrayLike) -> Floats:
    """Poses (..., 4, 4) of upright cameras at `position` (..., 3) that look at `target`."""
    place = np.asarray(position, np.float64)
    back = _unit(place - np.asarray(target, np.float64))
    right = _unit(np.cross([0.0, 0.0, 1.0], back))
    pose = np.zeros((*place.shape[:-1], 4, 4))
    pose[..., :3, :] = np.stack((right, np.cross(back, right), back, place), -1)
    pose[..., 3, 3] = 1
    return pose.astype(np.float32)


def nearest(poses: Floats, taken: Floats) -> NDArray[np.float32]:
    """Distance of cameras (C, 4, 4) to the nearest of those (V, 4, 4) that took views; (C,)."""
    apart = np.linalg.norm(poses[:, None, :3, 3] - taken[None, :, :3, 3], axis=-1)
    return np.asarray(apart.min(axis=1))


def rays(pose: Floats, optics: Optics, oversampling: int = 1) -> tuple[Floats, Floats]:
    """Rays of one camera, row by row.

    Args:
        pose: (4, 4).
        optics: of the camera.
        oversampling: rays along each edge of a pixel.

    Returns:
        Their common origin (3, 1) and unit directions (3, N).
    """
    height, width = optics.height * oversampling, optics.width * oversampling
    fx, fy, cx, cy = optics.resized(height, width).intrinsics
    x = (np.arange(width) + 0.5 - cx) / fx
    y = (cy - 0.5 - np.arange(height)) / fy
    local = np.stack((np.tile(x, height), np.repeat(y, width), np.full(height * width, -1.0)))
    local /= np.linalg.norm(local, axis=0)
    return pose[:3, 3:], pose[:3, :3] @ local.astype(np.float32)


def project(points: Floats, pose: Floats, optics: Optics) -> tuple[Floats, Floats]:
    """Where points (3, N) appear.

    Returns:
        Columns and rows (2, N) in pixels, and distances (N,) along the axis of view,
        negative behind the camera.
    """
    local = pose[:3, :3].T @ (points - pose[:3, 3:])
    fx, fy, cx, cy = optics.intrinsics
    depth = -local[2]
    safe = np.where(np.abs(depth) < 1e-9, 1e-9, depth)
    pixels = np.stack((cx + fx * local[0] / safe, cy - fy * local[1] / safe))
    return pixels.astype(np.float32), depth


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))
