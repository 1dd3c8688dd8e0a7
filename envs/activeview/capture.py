"""What one episode is played on: pictures that can be taken, and those that judge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.activeview.cameras import Floats, Optics, look_at
from leapbench.envs.activeview.pools import CENTRE, POOLS, Cameras, Pool
from leapbench.envs.activeview.scenes import FAMILIES, Scene, photograph, unseen
from leapbench.errors import unknown

Picture = NDArray[np.uint8]
ABOVE = 40.0
"""Distance of the camera that draws a plan; far off, so that its rays are almost parallel."""


class Views(NamedTuple):
    """Photographs and where they were taken from.

    Attributes:
        images: uint8 (V, H, W, 3).
        poses: float32 (V, 4, 4), camera to world.
    """

    images: Picture
    poses: Floats


@dataclass(frozen=True)
class Capture:
    """The truth of one episode; whoever looks at more than an agent's views is an oracle.

    Attributes:
        optics: of all cameras.
        initial: views that are there from the start.
        candidates: poses (C, 4, 4) of the pool.
        test: hidden views, by which the reconstruction is judged.
        unseen: bool (T, H, W), test pixels on surfaces that no initial view shows; None
            where that is not known.
        photograph: takes the picture of a candidate, by its index.
        scene: what the pictures are drawn from; None for real ones.
    """

    optics: Optics
    initial: Views
    candidates: Floats
    test: Views
    unseen: NDArray[np.bool_] | None
    photograph: Callable[[int], Picture]
    scene: Scene | None = None

    def plan(self, side: int) -> Picture | None:
        """The scene's box from above, uint8 (side, side, 3), y upwards; None for real data."""
        if self.scene is None:
            return None
        # Not quite from above, where no direction would be to the right.
        pose = look_at(np.add(CENTRE, (0, -0.01, ABOVE)), CENTRE)
        return photograph(self.scene, pose, Optics.square(side, 2 * float(np.arctan(1 / ABOVE))), 1)


@dataclass(frozen=True)
class Drawn:
    """Takes pictures of a scene.

    Attributes:
        scene: what they are drawn from.
        poses: float32 (C, 4, 4), of the candidates.
        optics: of all cameras.
    """

    scene: Scene
    poses: Floats
    optics: Optics

    def __call__(self, index: int) -> Picture:
        """The picture of a candidate, uint8 (H, W, 3)."""
        return photograph(self.scene, self.poses[index], self.optics)


class CaptureSource(Protocol):
    """Where captures come from."""

    @property
    def optics(self) -> Optics:
        """What all pictures share."""

    @property
    def initial(self) -> int:
        """Number of initial views."""

    @property
    def candidates(self) -> int:
        """Number of candidates."""

    def capture(self, rng: np.random.Generator) -> Capture:
        """Draw what an episode is played on."""


@dataclass(frozen=True)
class Procedural:
    """Scenes of a family, each seen by cameras of its own.

    Attributes:
        family: a name of `FAMILIES`.
        pool: where cameras stand.
        optics: of all cameras.
    """

    family: str
    pool: Pool
    optics: Optics

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            raise unknown("scene", self.family, FAMILIES)
        if self.pool.name not in POOLS:
            raise unknown("pool", self.pool.name, POOLS)

    @property
    def initial(self) -> int:
        """Number of initial views."""
        return self.pool.initial

    @property
    def candidates(self) -> int:
        """Number of candidates, decoys included."""
        return self.pool.size

    def capture(self, rng: np.random.Generator) -> Capture:
        """Draw a scene and its cameras; the scene does not depend on the pool."""
        first, second = rng.spawn(2)
        scene, cameras = FAMILIES[self.family](first), self.pool.place(second)
        return self._captured(scene, cameras)

    def _captured(self, scene: Scene, cameras: Cameras) -> Capture:
        def shoot(poses: Floats) -> Views:
            return Views(np.stack([photograph(scene, pose, self.optics) for pose in poses]), poses)

        return Capture(
            self.optics,
            shoot(cameras.initial),
            cameras.candidates,
            shoot(cameras.test),
            unseen(scene, cameras.test, cameras.initial, self.optics),
            Drawn(scene, cameras.candidates, self.optics),
            scene,
        )
