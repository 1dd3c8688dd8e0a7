"""Which rows of the buffers a cell of a mask reads and writes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor


@dataclass(frozen=True)
class Grid:
    """Maps of a batch, before and after a block, and the mask between.

    Attributes:
        batch: images.
        incoming: height and width before.
        outgoing: height and width after.
        granularity: side of a cell in outgoing places; divides both sides.
    """

    batch: int
    incoming: tuple[int, int]
    outgoing: tuple[int, int]
    granularity: int

    @property
    def cells(self) -> tuple[int, int]:
        """Height and width of the mask."""
        down, across = (side // self.granularity for side in self.outgoing)
        return down, across

    @property
    def count(self) -> int:
        """Cells of the whole batch."""
        return self.batch * self.cells[0] * self.cells[1]

    def flags(self, active: Tensor) -> Tensor:
        """The mask, bool (batch * cells,), of the cells that are named."""
        return torch.zeros(self.count, dtype=torch.bool).index_fill_(0, active, True)

    def spread(self, mask: Tensor) -> Tensor:
        """A mask (batch * cells,) at every outgoing place, (batch * height * width, 1)."""
        wide = mask.view(self.batch, *self.cells).repeat_interleave(self.granularity, 1)
        return wide.repeat_interleave(self.granularity, 2).reshape(-1, 1)


@dataclass(frozen=True)
class Places:
    """Rows of every cell, (cells, rows) each; what lies outside is the row after the last."""

    writes: Tensor
    reads: Tensor


@lru_cache(maxsize=256)
def places(grid: Grid, stride: int, around: int, kernel: int, unfold: bool) -> Places:
    """Rows that cells write to, and those that their convolution reads.

    Args:
        grid: maps and mask.
        stride: incoming over outgoing places.
        around: places that a patch is wider than its outputs, on each side.
        kernel: of the unfolded convolution.
        unfold: whether every output has its own `kernel ** 2` reads, or a patch each row once.
    """
    side = grid.granularity
    inner = torch.arange(side)
    if unfold:
        taps = torch.arange(kernel) - kernel // 2
        reach = (inner[:, None] * stride + taps).flatten()
        order = (side, kernel)
    else:
        reach = torch.arange((side - 1) * stride + 1 + 2 * around) - around
        order = (len(reach), 1)
    reads = _rows(grid, grid.incoming, reach, stride)
    split = reads.view(-1, *order, *order).transpose(2, 3)
    return Places(_rows(grid, grid.outgoing, inner, 1).flatten(1), split.flatten(1).contiguous())


def _rows(grid: Grid, size: tuple[int, int], reach: Tensor, stride: int) -> Tensor:
    """(cells, reach, reach) rows of maps of a size; cells lie `granularity * stride` apart."""
    height, width = size
    step = grid.granularity * stride
    y, x = ((torch.arange(count) * step)[:, None] + reach for count in grid.cells)
    inside = ((y >= 0) & (y < height))[:, None, :, None] & ((x >= 0) & (x < width))[:, None]
    rows = (y * width)[:, None, :, None] + x[:, None]
    first = (torch.arange(grid.batch) * height * width).view(-1, 1, 1, 1, 1)
    found = torch.where(inside, rows + first, grid.batch * height * width)
    return found.view(-1, len(reach), len(reach))
