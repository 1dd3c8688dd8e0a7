"""Whether matrices from a file are poses of cameras."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leapbench.errors import UserError

SKEW = 1e-2
"""Largest error of an entry in the product of a rotation with its transpose."""


def check_axes(poses: NDArray[np.float64], path: Path) -> None:
    """Refuse poses (N, 4, 4) that are not finite, or whose axes are no rotation.

    Args:
        poses: camera-to-world.
        path: the file, for the message.

    Raises:
        UserError: with the first pose that is none.
    """
    for index, pose in enumerate(poses):
        axes = pose[:3, :3]
        if not np.isfinite(pose).all():
            raise UserError(f"{path}: pose {index} has numbers that are not finite.")
        apart = np.abs(axes @ axes.T - np.eye(3)).max()
        if apart > SKEW or np.linalg.det(axes) < 0:
            raise UserError(f"{path}: the axes of pose {index} are no rotation.")
