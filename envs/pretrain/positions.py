"""Where patches are: in their own view, and in the frame of another one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SCALE = 10.0
"""Of the logarithm of the ratio of sizes, before sines are taken."""


@dataclass(frozen=True)
class Boxes:
    """Where N crops were taken from pictures that may have been flipped before.

    Args:
        top, left, height, width: float64 (N,), in pixels of the flipped picture.
        flipped: bool (N,), whether it was.
        across: width of the pictures in pixels.
    """

    top: NDArray[np.float64]
    left: NDArray[np.float64]
    height: NDArray[np.float64]
    width: NDArray[np.float64]
    flipped: NDArray[np.bool_]
    across: float

    def towards(self, other: Boxes, share: float) -> Boxes:
        """These crops, moved and resized by a share of the way to others of the same pictures."""

        def moved(mine: NDArray[np.float64], theirs: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.rint((1 - share) * mine + share * theirs)

        return Boxes(
            moved(self.top, other.top),
            moved(self.left, other.left),
            moved(self.height, other.height),
            moved(self.width, other.width),
            self.flipped,
            self.across,
        )


def sines(places: Tensor, width: int) -> Tensor:
    """Sines, then cosines of places (...,) at `width` / 2 frequencies from 1 to 1/10,000."""
    half = width // 2
    rates = 10000.0 ** -(torch.arange(half, dtype=torch.float64, device=places.device) / half)
    angles = places.double()[..., None] * rates
    return torch.cat([angles.sin(), angles.cos()], -1).float()


def table(width: int, grid: int) -> Tensor:
    """Fixed embedding (grid * grid, width) of a view's own patches: rows, then columns."""
    rows, columns = torch.meshgrid(torch.arange(grid), torch.arange(grid), indexing="ij")
    halves = [sines(each.flatten(), width // 2) for each in (rows, columns)]
    return torch.cat(halves, -1)


def places(first: Boxes, second: Boxes, grid: int) -> tuple[NDArray[np.float64], ...]:
    """Row and column (N, grid * grid) of the second views' patches in patches of the first.

    0 is the centre of the first view's first patch. Views need not overlap. Where one of them
    was flipped and the other was not, columns run backwards (released code:
    `get_2d_sincos_pos_embed_relative`).
    """
    centres = np.arange(grid) + 0.5
    down, right = np.repeat(centres, grid), np.tile(centres, grid)
    tall, wide = second.height / first.height, second.width / first.width
    row = grid * ((second.top - first.top) / first.height)[:, None] + tall[:, None] * down
    along = grid * ((second.left - first.left) / first.width)[:, None] + wide[:, None] * right
    start = (first.across - first.left - second.left) / first.width
    against = grid * start[:, None] - wide[:, None] * right
    column = np.where((first.flipped != second.flipped)[:, None], against, along)
    return row - 0.5, column - 0.5


def relative(first: Boxes, second: Boxes, width: int, grid: int) -> Tensor:
    """Embedding (N, grid * grid, 2 * width) of places and sizes of the second views' patches."""
    where = places(first, second, grid)
    sizes = (second.height / first.height, second.width / first.width)
    numbers = [torch.from_numpy(each) for each in where]
    numbers += [
        torch.from_numpy(SCALE * np.log(each))[:, None].expand(-1, grid * grid) for each in sizes
    ]
    return torch.cat([sines(each, width // 2) for each in numbers], -1)
