"""The policy over places: where a look is worth most, from the glance's map."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from leapbench.envs.videoglance.shape import Shape
from leapbench.envs.videoglance.tensors import parted

LOCATORS = ("heatmap", "sigmoid")
"""Kinds of heads of the policy over places."""
SHARPNESS = 8.0
"""Factor of the scores of a heat map. Without it all expected places begin in the middle of the
clip, where the gradient of an interpolation tells nothing of what is elsewhere."""


class Locator(nn.Module):
    """The policy over places: K maps of scores over time, rows and columns, or K points.

    Args:
        shape: sizes.
        head: "heatmap", a score for every place of the glance's map and the expected place
            under its softmax, or "sigmoid", a linear layer and a sigmoid as in AdaFocusV2.
    """

    def __init__(self, shape: Shape, head: str) -> None:
        super().__init__()
        width, inputs = shape.locator, shape.seen
        self.kind, self.shape = head, shape
        self.trunk = nn.Sequential(
            nn.Conv3d(inputs, width, 1, bias=False),
            nn.BatchNorm3d(width),
            nn.ReLU(inplace=True),
            nn.Conv3d(width, width, 3, padding=1, groups=width, bias=False),
            nn.BatchNorm3d(width),
            nn.ReLU(inplace=True),
        )
        cells = shape.cells
        if head == "heatmap":
            self.head: nn.Module = nn.Conv3d(width, shape.looks, 1)
        else:
            self.squeeze = nn.Conv3d(width, 4, 1)
            size = 4 * cells[0] * cells[1] * cells[2]
            self.head = nn.Linear(size, 3 * shape.looks)
        self.register_buffer("centres", _centres(shape), persistent=False)

    def output(self, maps: Tensor) -> Tensor:
        """What the layers give: scores (B, K, T * h * w), or numbers (B, 3 * K)."""
        trunk = self.trunk(maps)
        if self.kind == "heatmap":
            return SHARPNESS * self.head(trunk).flatten(2)  # type: ignore[no-any-return]
        return self.head(self.squeeze(trunk).flatten(1))  # type: ignore[no-any-return]

    def forward(self, maps: Tensor) -> Tensor:
        """Origins (B, K, 3) as fractions in [0, 1] of how far a cube can move."""
        out = self.output(maps)
        if self.kind == "heatmap":
            centres: Tensor = self.centres  # type: ignore[assignment]
            expected: Tensor = out.softmax(2) @ centres
            return expected
        return parted(out.sigmoid(), 1, (self.shape.looks, 3))

    def of_cubes(self, maps: Tensor) -> Tensor:
        """How much each cube of the grid is wanted at each look, (B, K, C).

        A map of scores gives the mass of its softmax inside the cube; a point gives minus
        its squared distance to the cube's origin, in cubes.
        """
        grid = self.shape.grid
        if self.kind == "heatmap":
            mass = self.output(maps).softmax(2)
            held: Tensor = mass @ _inside(self.shape).to(mass.device)
            return held
        origins = torch.as_tensor(grid.fractions, dtype=torch.float32, device=maps.device)
        unit = torch.as_tensor(grid.free / np.array(grid.cube), dtype=torch.float32)
        apart = (self(maps)[:, :, None] - origins) * unit.to(maps.device)
        nearness: Tensor = -apart.square().sum(3)
        return nearness


def _inside(shape: Shape) -> Tensor:
    """Share of each place of the glance's map that lies in each cube, (cells, C)."""
    grid, cells = shape.grid, shape.cells
    shares = []
    for axis in range(3):
        width = grid.volume[axis] / cells[axis]
        low = np.arange(cells[axis])[:, None] * width
        origin = grid.origins[:, axis]
        shared = np.minimum(low + width, origin + grid.cube[axis]) - np.maximum(low, origin)
        shares.append(np.clip(shared / width, 0, 1))
    inside = np.einsum("ac,bc,dc->abdc", *shares).reshape(-1, grid.cubes)
    return torch.as_tensor(inside, dtype=torch.float32)


def _centres(shape: Shape) -> Tensor:
    """Origin, as fractions, of the cube in whose middle each place of the map lies, (cells, 3)."""
    axes = []
    for whole, part, cells in zip(shape.volume, shape.cube, shape.cells, strict=True):
        middle = (torch.arange(cells) + 0.5) * (whole / cells)
        free = max(1, whole - part)
        axes.append(((middle - part / 2) / free).clamp(0, 1))
    return torch.cartesian_prod(*axes)
