"""What a policy sees of a stream that is paid for in milliseconds, as one flat row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from leapbench.envs.latency.device import Device

POOLED = 8
"""Numbers that the channels of a block's input are averaged into."""
LEAST, MOST = -10.0, 10.0
"""Bounds of every column; what lies beyond is cut off."""
DEVICE = ("engines", "lanes", "clock", "bandwidth", "cache", "launch")


@dataclass(frozen=True)
class Layout:
    """Where the columns of an observation are.

    Attributes:
        blocks: of the network.
        levels: keep levels, each with its price.
        cells: most cells of a block; 0 leaves scores and energies of cells out.
    """

    blocks: int
    levels: int
    cells: int = 0

    @property
    def block(self) -> slice:
        """1 for the block that is next, 0 for the others."""
        return slice(0, self.blocks)

    @property
    def pooled(self) -> slice:
        """What comes into the block, averaged over the map and over groups of channels."""
        return slice(self.block.stop, self.block.stop + POOLED)

    @property
    def masker(self) -> slice:
        """Mean, largest, deviation of the masker's probabilities, and share of at least a half."""
        return slice(self.pooled.stop, self.pooled.stop + 4)

    @property
    def prices(self) -> slice:
        """What each keep level of this block costs, over the static latency of an image."""
        return slice(self.masker.stop, self.masker.stop + self.levels)

    @property
    def left(self) -> int:
        """Time left for each image that is not done, over the static latency of an image."""
        return int(self.prices.stop)

    @property
    def budget(self) -> int:
        """Time given for each image of the stream, over the static latency of an image."""
        return self.left + 1

    @property
    def spent(self) -> int:
        """Time spent on this image, over the static latency of an image."""
        return self.left + 2

    @property
    def progress(self) -> int:
        """Images done, over those of the stream."""
        return self.left + 3

    @property
    def device(self) -> slice:
        """Logarithms of the device's numbers, see `device_row`."""
        return slice(self.left + 4, self.left + 4 + len(DEVICE))

    @property
    def scores(self) -> slice:
        """Masker's probability of keeping each cell, row by row, then 0."""
        return slice(self.device.stop, self.device.stop + self.cells)

    @property
    def energy(self) -> slice:
        """Mean absolute value of what comes into each cell, over the largest, then 0."""
        return slice(self.scores.stop, self.scores.stop + self.cells)

    @property
    def width(self) -> int:
        """Columns of a row."""
        return int(self.energy.stop)

    def space(self) -> Any:
        """The observation space."""
        return gym.spaces.Box(LEAST, MOST, (self.width,), np.float32)


def device_row(device: Device) -> NDArray[np.float32]:
    """Numbers of a device, float32 (6,): decimal logarithms, shifted to lie around 0."""
    values = [getattr(device, name) for name in DEVICE]
    shifts = np.array([1, 2, 9, 11, 0, -5])
    return np.asarray(np.log10(np.maximum(values, 1e-9)) - shifts, np.float32)
