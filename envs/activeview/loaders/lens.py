"""Cameras that a file of poses describes in full: intrinsics, and a lens that bends lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from leapbench.envs.activeview.cameras import Optics
from leapbench.errors import UserError

Picture = NDArray[np.uint8]
BENDS = ("k1", "k2", "p1", "p2")
BEYOND = ("k3", "k4")
"""Coefficients of other models, which have to be 0 or missing."""


@dataclass(frozen=True)
class Lens:
    """OpenCV's model with two radial and two tangential coefficients, as COLMAP writes it.

    Attributes:
        optics: the pinhole camera without distortion.
        bends: k1, k2, p1 and p2.
    """

    optics: Optics
    bends: tuple[float, ...]

    @classmethod
    def of(cls, described: Mapping[str, Any], original: tuple[int, int], path: object) -> Lens:
        """From `fl_x` or else `camera_angle_x`, and what is given of the other numbers.

        These are `fl_y`, `cx`, `cy`, `w`, `h`, `k1`, `k2`, `p1`, `p2`.

        Args:
            described: content of the file of poses.
            original: height and width of its pictures.
            path: the file, for messages.

        Raises:
            UserError: for what is no number, sizes and focal lengths that are not positive,
                or a lens of another model.
        """
        tall, wide = original
        try:
            width, height = (float(described.get(k, v)) for k, v in (("w", wide), ("h", tall)))
            across = _focal(described, width)
            upright = float(described.get("fl_y", across))
            middle = float(described.get("cx", width / 2)), float(described.get("cy", height / 2))
            bends = tuple(float(described.get(name, 0)) for name in BENDS)
            other = [name for name in BEYOND if float(described.get(name, 0))]
        except (TypeError, ValueError) as error:
            raise UserError(f"{path}: the camera is described by numbers: {error}.") from error
        finite = np.isfinite([width, height, across, upright, *middle, *bends]).all()
        if not finite or min(width, height, across, upright) <= 0:
            raise UserError(f"{path}: w, h, fl_x and fl_y must be finite and positive.")
        if other or described.get("is_fisheye"):
            named = other[0] if other else "is_fisheye"
            raise UserError(f"{path}: {named} is of a lens that is not known; known: k1 k2 p1 p2.")
        pinhole = Optics((across, upright, *middle), round(height), round(width))
        return cls(pinhole.resized(*original), bends)

    def straightened(self, image: Picture) -> Picture:
        """The picture that a camera without distortion would have taken.

        Bilinear; what the photograph does not show repeats its edge.

        Args:
            image: uint8 (H, W, 3), of the size of `optics`.
        """
        if not any(self.bends):
            return image
        height, width = self.optics.height, self.optics.width
        row, column = np.mgrid[:height, :width] + 0.5
        at = np.stack(self.bent(column, row), axis=-1) / (width, height) * 2 - 1
        given = torch.from_numpy(image.astype(np.float64)).permute(2, 0, 1)[None]
        found = torch.nn.functional.grid_sample(
            given, torch.from_numpy(at)[None], padding_mode="border", align_corners=False
        )
        straight: Picture = np.rint(found[0].permute(1, 2, 0).numpy()).astype(np.uint8)
        return straight

    def bent(
        self, column: NDArray[np.float64], row: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Where the lens puts what a straight picture has at pixels; centres are at halves."""
        fx, fy, cx, cy = self.optics.intrinsics
        k1, k2, p1, p2 = self.bends
        x, y = (column - cx) / fx, (row - cy) / fy
        square = x * x + y * y
        radial = 1 + k1 * square + k2 * square * square
        moved = x * radial + 2 * p1 * x * y + p2 * (square + 2 * x * x)
        lowered = y * radial + p1 * (square + 2 * y * y) + 2 * p2 * x * y
        return moved * fx + cx, lowered * fy + cy


def _focal(described: Mapping[str, Any], width: float) -> float:
    """Focal length in pixels of a picture so wide."""
    if "fl_x" in described:
        return float(described["fl_x"])
    return width / 2 / float(np.tan(float(described["camera_angle_x"]) / 2))
