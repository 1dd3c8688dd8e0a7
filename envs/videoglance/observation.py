"""The observation: a flat float32 row, all in [0, 1].

It begins with the columns of `leapbench.envs.exits.observation.ExitColumn`, so that exit rules
read it as they read the exits of an image network; an exit is a number of looks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from leapbench.envs.exits.observation import TOP, ExitColumn
from leapbench.envs.videoglance.bank import MAPS, Bank


@dataclass(frozen=True)
class Layout:
    """Where each block of an observation is.

    Attributes:
        cubes: C.
        classes: number of classes.
        features: F.
    """

    cubes: int
    classes: int
    features: int

    @classmethod
    def of(cls, bank: Bank) -> Layout:
        """The layout of a bank's observations."""
        return cls(bank.grid.cubes, bank.classes, bank.glance.shape[1])

    @property
    def probabilities(self) -> slice:
        """Class probabilities after the looks so far."""
        return slice(len(ExitColumn), len(ExitColumn) + self.classes)

    @property
    def visited(self) -> slice:
        """1 for each cube that was looked at."""
        return slice(self.probabilities.stop, self.probabilities.stop + self.cubes)

    @property
    def proposal(self) -> slice:
        """The model's own order: 1 for the cube it would look at first, falling by 1 / C."""
        return slice(self.visited.stop, self.visited.stop + self.cubes)

    def map(self, name: str) -> slice:
        """One of the glance's coarse maps at each cube; see `bank.MAPS`."""
        start = self.proposal.stop + MAPS.index(name) * self.cubes
        return slice(start, start + self.cubes)

    @property
    def glance(self) -> slice:
        """Features after the glance."""
        start = self.proposal.stop + len(MAPS) * self.cubes
        return slice(start, start + self.features)

    @property
    def fixed(self) -> slice:
        """Everything that a clip alone decides: proposal, maps and glance."""
        return slice(self.proposal.start, self.glance.stop)

    @property
    def size(self) -> int:
        """Numbers in an observation."""
        return int(self.glance.stop)

    def space(self) -> spaces.Space[NDArray[np.float32]]:
        """Box of float32 (size,), every column in [0, 1]."""
        return cast(
            "spaces.Space[NDArray[np.float32]]", spaces.Box(0.0, 1.0, (self.size,), np.float32)
        )


def layout_of(size: int, classes: int, cubes: int) -> Layout:
    """The layout of observations of a known size."""
    used = len(ExitColumn) + classes + (2 + len(MAPS)) * cubes
    return Layout(cubes, classes, size - used)


def fixed(bank: Bank) -> NDArray[np.float32]:
    """The block `Layout.fixed` of every clip, float32 (N, ...)."""
    samples, cubes = bank.order.shape
    rank = np.empty((samples, cubes), np.float32)
    falling = np.float32(1.0) - np.arange(cubes, dtype=np.float32) / np.float32(cubes)
    np.put_along_axis(rank, bank.order.astype(np.int64), np.tile(falling, (samples, 1)), 1)
    maps = bank.maps.transpose(0, 2, 1).reshape(samples, -1).astype(np.float32) / 255
    rows = np.concatenate([rank, maps, bank.glance.astype(np.float32) / 255], 1, dtype=np.float32)
    rows.flags.writeable = False
    return rows


def surest(out: NDArray[np.float32], probabilities: NDArray[np.float32]) -> None:
    """Write the columns TOP1 to MARGIN of rows (B, 14 or more) from probabilities (B, classes)."""
    classes = probabilities.shape[1]
    shown = min(TOP, classes)
    top = np.sort(probabilities, axis=1)[:, : -shown - 1 : -1]
    out[:, ExitColumn.TOP1 : ExitColumn.TOP1 + shown] = top
    out[:, ExitColumn.MARGIN] = top[:, 0] - top[:, 1]
    surprise = -np.log(np.maximum(probabilities, np.float32(1e-38)))
    nats = (probabilities * surprise).cumsum(axis=1)[:, -1]
    out[:, ExitColumn.ENTROPY] = np.clip(nats / np.float32(np.log(classes)), 0, 1)
