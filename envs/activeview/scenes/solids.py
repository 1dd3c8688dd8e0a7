"""Spheres and upright boxes, and where rays meet them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.activeview.scenes.texture import Texture

Floats = NDArray[np.float32]
Place = tuple[float, float, float]
NEAREST = 1e-4
"""Rays do not meet what is closer than this to where they begin."""


class Solid(ABC):
    """Something that rays can meet."""

    texture: Texture

    @abstractmethod
    def distances(self, origins: Floats, directions: Floats) -> Floats:
        """How far rays go before they enter, (N,); inf for those that do not.

        Args:
            origins: (3, N), or (3, 1) for rays with one origin, outside the solid.
            directions: (3, N), of unit length.
        """

    @abstractmethod
    def normals(self, points: Floats) -> Floats:
        """Unit normals (3, N), outwards, at points (3, N) of the surface."""


@dataclass(frozen=True)
class Scene:
    """What stands in the box [-1, 1]^3.

    Attributes:
        solids: spheres and boxes.
        light: unit vector towards the light.
    """

    solids: tuple[Solid, ...]
    light: Place


@dataclass(frozen=True)
class Sphere(Solid):
    """A ball.

    Attributes:
        centre: x, y, z.
        radius: its size.
        texture: of its surface.
    """

    centre: Place
    radius: float
    texture: Texture

    def distances(self, origins: Floats, directions: Floats) -> Floats:
        """See `Solid`."""
        away = origins - _column(self.centre)
        along = (away * directions).sum(axis=0)
        inside = along**2 - (away**2).sum(axis=0) + np.float32(self.radius**2)
        near = -along - np.sqrt(np.maximum(inside, 0))
        return np.where((inside > 0) & (near > NEAREST), near, np.float32(np.inf))

    def normals(self, points: Floats) -> Floats:
        """See `Solid`."""
        return np.asarray((points - _column(self.centre)) / np.float32(self.radius))


@dataclass(frozen=True)
class Box(Solid):
    """A box that may be turned about its vertical axis.

    Attributes:
        centre: x, y, z.
        half: half of its edges.
        texture: of its surface.
        turn: radians from x towards y.
    """

    centre: Place
    half: Place
    texture: Texture
    turn: float = 0.0

    def distances(self, origins: Floats, directions: Floats) -> Floats:
        """See `Solid`."""
        start, ways = self._turned(origins - _column(self.centre)), self._turned(directions)
        inverse = 1 / np.where(np.abs(ways) < 1e-9, np.float32(1e-9), ways)
        middle, reach = -start * inverse, _column(self.half) * np.abs(inverse)
        near, far = (middle - reach).max(axis=0), (middle + reach).min(axis=0)
        return np.where((near < far) & (near > NEAREST), near, np.float32(np.inf))

    def normals(self, points: Floats) -> Floats:
        """See `Solid`."""
        local = self._turned(points - _column(self.centre)) / _column(self.half)
        face, columns = np.abs(local).argmax(axis=0), np.arange(points.shape[1])
        normals = np.zeros_like(local)
        normals[face, columns] = np.sign(local[face, columns])
        return self._turned(normals, -1)

    def _turned(self, vectors: Floats, sense: int = 1) -> Floats:
        """Vectors (3, N) in the box's own frame; out of it with sense -1."""
        if not self.turn:
            return vectors
        cos, sin = np.float32(np.cos(self.turn)), np.float32(sense * np.sin(self.turn))
        x, y, z = vectors
        return np.stack((cos * x + sin * y, cos * y - sin * x, z))


def _column(place: Place) -> Floats:
    return np.array(place, np.float32)[:, None]
