"""Colours that are functions of the place in space, so that they agree between views."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Colour = tuple[float, float, float]
Kind = Literal["plain", "checker", "sine", "noise"]


@dataclass(frozen=True)
class Texture:
    """Two colours and how space is divided between them.

    Attributes:
        colour: red, green, blue in [0, 1]; all there is to a plain texture.
        other: the second colour.
        kind: "plain"; "checker", cubes in turn; "sine", waves along the diagonal;
            "noise", cubes at random, which no field finer than them can foretell.
        frequency: periods in a unit of length; cubes, for noise.
    """

    colour: Colour
    other: Colour = (0.0, 0.0, 0.0)
    kind: Kind = "plain"
    frequency: float = 1.0

    def at(self, points: Floats) -> Floats:
        """Colours (3, N) at points (3, N)."""
        colour, other = (np.array([one], np.float32).T for one in (self.colour, self.other))
        share = self._share(points)
        return np.asarray(other + (colour - other) * share, np.float32)

    def _share(self, points: Floats) -> Floats:
        """Share of the first colour, (N,), in [0, 1]."""
        if self.kind == "plain":
            return np.ones(points.shape[1], np.float32)
        if self.kind == "sine":
            phase = 2 * np.pi * self.frequency * (points[0] + points[1] + points[2]) / np.sqrt(3)
            return np.asarray(0.5 + 0.5 * np.sin(phase), np.float32)
        # The shift keeps faces at round coordinates from lying on a border between cubes.
        cubes = 2 if self.kind == "checker" else 1
        cell = np.floor(points * (cubes * self.frequency) + 0.137).astype(np.int64)
        if self.kind == "checker":
            return np.asarray((cell.sum(axis=0) & 1).astype(np.float32))
        return _hashed(cell)


def _hashed(cell: NDArray[np.int64]) -> Floats:
    """A number in [0, 1) for each column of integers (3, N): the mixing of SplitMix64."""
    keys = (cell * np.array([[73856093], [19349663], [83492791]])).sum(axis=0).astype(np.uint64)
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(((keys ^ (keys >> np.uint64(31))) >> np.uint64(40)) / 2**24, np.float32)
