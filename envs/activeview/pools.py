"""Where the cameras of an episode stand: initial views, candidates and hidden test views.

All stand on the upper half of one sphere around the scene. The candidates are what the
pools differ in; initial and test views of a seed are the same in all pools.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.activeview.cameras import Floats, look_at, on_sphere

RADIUS = 3.0
"""Distance of every camera from `CENTRE`, so that furthest-view rules compare directions."""
CENTRE = (0.0, 0.0, -0.15)
LOWEST, HIGHEST = np.radians(8), np.radians(70)
"""Elevation of a camera above the horizon."""
SECTOR = np.radians(70)
"""Azimuths of the initial views, and of most candidates of an unbalanced pool."""
CROWDED = 0.7
"""Share of an unbalanced pool that is in the sector."""
DECOYS = 3
"""A pool with decoys has one more camera for each of so many."""
ASIDE = np.radians(26), np.radians(34)
"""Angles by which decoys look past the scene; the field of view is 45 degrees."""
GOLDEN = np.pi * (3 - np.sqrt(5))

POOLS = {"balanced": False, "unbalanced": False, "decoy": True}
"""Names of the pools, and whether they have decoys."""

Angles = NDArray[np.float64]


class Cameras(NamedTuple):
    """Poses, float32 (..., 4, 4).

    Attributes:
        initial: what an episode begins with.
        candidates: the pool.
        test: what the reconstruction is judged from.
    """

    initial: Floats
    candidates: Floats
    test: Floats


@dataclass(frozen=True)
class Pool:
    """Numbers of cameras and how candidates are spread.

    Attributes:
        name: "balanced", anywhere on the hemisphere; "unbalanced", 70 % in the sector of
            the initial views; "decoy", unbalanced and a third more cameras, spread
            evenly, that look past the scene.
        initial: number of initial views.
        candidates: number of candidates, decoys not counted.
        tests: number of test views.
    """

    name: str
    initial: int
    candidates: int
    tests: int

    @property
    def size(self) -> int:
        """Candidates in all."""
        return self.candidates + self._decoys

    @property
    def _decoys(self) -> int:
        return self.candidates // DECOYS if POOLS[self.name] else 0

    def place(self, rng: np.random.Generator) -> Cameras:
        """Draw the cameras of an episode."""
        first, second, third = rng.spawn(3)
        middle = first.uniform(-np.pi, np.pi)
        initial = _aimed(*_anywhere(first, self.initial, middle, SECTOR))
        test = _aimed(*_evenly(second, self.tests))
        return Cameras(initial, self._pool(third, middle), test)

    def _pool(self, rng: np.random.Generator, middle: float) -> Floats:
        inside = 0 if self.name == "balanced" else round(CROWDED * self.candidates)
        poses = np.concatenate(
            (
                _aimed(*_anywhere(rng, inside, middle, SECTOR)),
                _aimed(*_anywhere(rng, self.candidates - inside, middle, 2 * np.pi)),
                _aside(rng, self._decoys),
            )
        )
        return poses[rng.permutation(len(poses))]


def pose_at(azimuth: Angles | float, elevation: Angles | float) -> Floats:
    """Poses of cameras on the sphere that look at the centre, (..., 4, 4)."""
    return _aimed(np.asarray(azimuth), np.asarray(elevation))


def _anywhere(
    rng: np.random.Generator, count: int, middle: float, width: float
) -> tuple[Angles, Angles]:
    """Azimuths and elevations, uniform in area over a sector."""
    azimuth = middle + width * (rng.random(count) - 0.5)
    return azimuth, np.arcsin(rng.uniform(np.sin(LOWEST), np.sin(HIGHEST), count))


def _evenly(rng: np.random.Generator, count: int) -> tuple[Angles, Angles]:
    """A Fibonacci spiral over the hemisphere, turned at random."""
    order = np.arange(count)
    azimuth = rng.uniform(-np.pi, np.pi) + GOLDEN * order
    height = np.sin(LOWEST) + (order + 0.5) / max(count, 1) * (np.sin(HIGHEST) - np.sin(LOWEST))
    return azimuth, np.arcsin(height)


def _aimed(azimuth: Angles, elevation: Angles) -> Floats:
    return look_at(on_sphere(azimuth, elevation, RADIUS) + CENTRE, CENTRE)


def _aside(rng: np.random.Generator, count: int) -> Floats:
    """Evenly spread cameras that have the scene at the rim of their pictures."""
    pose = _aimed(*_evenly(rng, count))
    angle, roll = rng.uniform(*ASIDE, count), rng.uniform(0, 2 * np.pi, count)
    past = np.stack((np.sin(angle) * np.cos(roll), np.sin(angle) * np.sin(roll), -np.cos(angle)))
    target = pose[:, :3, 3] + np.einsum("nij,jn->ni", pose[:, :3, :3], past)
    return look_at(pose[:, :3, 3], target)
