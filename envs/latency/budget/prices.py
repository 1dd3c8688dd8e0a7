"""What each block of a network costs on a device, by the number of cells that are kept."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.latency.device import Device
from leapbench.envs.latency.networks import Block
from leapbench.envs.latency.predictor import dynamic_block, masker, shortcut, static_block
from leapbench.envs.latency.shape import Shape
from leapbench.errors import UserError

Ints = NDArray[np.int64]
ALMOST = 1e-6
"""Taken off a count of cells before it becomes a rate, which the model rounds up again."""
PICO = 10**12
"""Prices are whole picoseconds, so that sums are exact in any order."""
MOST = 60 * PICO
"""Above any price: whole streams of blocks are still counted exactly."""


class Prices:
    """Picoseconds an image, by the latency model of LASNet, section 3.3.

    A block that keeps some cells costs what the model says of a spatially dynamic one, or of
    the ordinary one where that is faster: it can be run everywhere and masked. One that keeps
    no cell costs its masker, and one that keeps all what the ordinary one costs and the
    masker as one more channel of its first convolution.

    Args:
        device: where the network runs; its batch is of images that keep as many cells.
        shape: the network's.
        masked: whether the network looks at its maskers; False leaves them out of all prices,
            and a block of which any cell is kept is the ordinary one.

    Attributes:
        tables: for each block int64 (N + 1,), the price of keeping 0 to N cells.
        floors: int64 (blocks,), what is computed whatever is kept: shortcuts with a stride.
        static: the network's ordinary blocks.
        least: the sum of `floors`.
    """

    def __init__(self, device: Device, shape: Shape, masked: bool = True) -> None:
        self.device, self.shape, self.masked = device, shape, masked
        blocks = list(zip(shape.blocks, shape.cells, strict=True))
        self.tables = tuple(self._table(block, cells**2) for block, cells in blocks)
        self.floors = np.array([self._picoseconds(shortcut(device, b)) for b, _ in blocks])
        self.static = int(sum(self._picoseconds(static_block(device, b)) for b, _ in blocks))
        self.least = int(self.floors.sum())
        for array in (self.floors, *self.tables):  # many worlds and policies share them
            array.flags.writeable = False

    def of(self, kept: Ints) -> Ints:
        """Prices of kept cells, (..., blocks) both."""
        each = [table[kept[..., place]] for place, table in enumerate(self.tables)]
        return np.stack(each, -1)

    def _picoseconds(self, seconds: float) -> int:
        """Of one image, from the seconds of a batch; rounded up.

        Raises:
            UserError: for a device on which a block takes longer than can be counted.
        """
        each = np.ceil(seconds / self.device.batch * PICO)
        if not each < MOST:
            raise UserError(
                f"On {self.device.title!r} a block of an image takes {seconds:.3g} seconds. "
                "Expected a device on which it takes less than a minute."
            )
        return int(each)

    def _table(self, block: Block, cells: int) -> Ints:
        device, granularity = self.device, self.shape.granularity[block.stage]
        dense, nothing = static_block(device, block), shortcut(device, block)
        if not self.masked:
            return np.array([self._picoseconds(s) for s in (nothing, *cells * [dense])])
        dense += masker(device, block, alone=False)
        nothing += masker(device, block, alone=True)
        rates = (np.arange(1, cells) - ALMOST) / cells
        some = np.minimum(dynamic_block(device, block, granularity, rates), dense)
        return np.array([self._picoseconds(s) for s in (nothing, *some.tolist(), dense)])


@lru_cache(maxsize=64)
def prices(device: Device, shape: Shape, masked: bool = True) -> Prices:
    """The prices of a network on a device; made once."""
    return Prices(device, shape, masked)
