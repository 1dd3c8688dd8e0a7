"""Photographs of a scene, and which of its surfaces a set of cameras has seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.activeview.cameras import Floats, Optics, project, rays
from leapbench.envs.activeview.scenes.solids import Scene

AMBIENT = 0.45
"""Light on a surface that is turned away from the lamp."""
OVERSAMPLING = 2
"""Rays along an edge of a pixel."""
CLOSE = 0.01
"""A point counts as met when a ray towards it stops this near."""


def photograph(
    scene: Scene, pose: Floats, optics: Optics, oversampling: int = OVERSAMPLING
) -> NDArray[np.uint8]:
    """What a camera sees before a white background, uint8 (H, W, 3).

    Args:
        scene: what stands there.
        pose: float32 (4, 4), camera to world.
        optics: of the camera.
        oversampling: rays along an edge of a pixel; their mean is its colour.
    """
    origin, directions = rays(pose, optics, oversampling)
    colours = _shaded(scene, origin, directions)
    shape = (3, optics.height, oversampling, optics.width, oversampling)
    pixels = colours.reshape(shape).mean(axis=(2, 4))
    return np.ascontiguousarray(np.round(255 * pixels).astype(np.uint8).transpose(1, 2, 0))


def unseen(scene: Scene, poses: Floats, known: Floats, optics: Optics) -> NDArray[np.bool_]:
    """Pixels that show a surface which no other camera has in sight.

    Args:
        scene: what stands there.
        poses: (T, 4, 4), of the cameras whose pixels are asked about.
        known: (V, 4, 4), of the cameras that have seen something.
        optics: of all of them.

    Returns:
        (T, H, W); the ray through the centre of a pixel decides, and background is
        not a surface.
    """
    hidden = []
    for pose in poses:
        origin, directions = rays(pose, optics)
        distance, solid = _cast(scene, origin, directions)
        surface = solid >= 0
        reached = np.where(surface, distance, np.float32(0))
        points = np.asarray(origin + reached * directions, np.float32)
        seen = np.zeros_like(surface)
        for other in known:
            seen |= _in_sight(scene, points, other, optics)
        hidden.append((surface & ~seen).reshape(optics.height, optics.width))
    return np.stack(hidden)


def _in_sight(scene: Scene, points: Floats, pose: Floats, optics: Optics) -> NDArray[np.bool_]:
    """Whether points (3, N) are in the picture of a camera, with nothing in front."""
    (x, y), depth = project(points, pose, optics)
    framed = (depth > 0) & (x >= 0) & (x < optics.width) & (y >= 0) & (y < optics.height)
    away = points - pose[:3, 3:]
    length = np.sqrt((away**2).sum(axis=0))
    met, _ = _cast(scene, pose[:3, 3:], away / np.maximum(length, CLOSE))
    return np.asarray(framed & (met > length - CLOSE))


def _cast(scene: Scene, origins: Floats, directions: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Distance to the nearest surface, inf for none, and the index of its solid or -1."""
    nearest = np.full(directions.shape[1], np.inf, np.float32)
    solid = np.full(directions.shape[1], -1)
    for index, one in enumerate(scene.solids):
        distance = one.distances(origins, directions)
        closer = distance < nearest
        nearest[closer], solid[closer] = distance[closer], index
    return nearest, solid


def _shaded(scene: Scene, origins: Floats, directions: Floats) -> Floats:
    """Colours (3, N) in [0, 1] of what rays meet: a lamp far away, and no shadows."""
    distance, solid = _cast(scene, origins, directions)
    colours = np.ones_like(directions)
    light = np.array(scene.light, np.float32)
    for index, one in enumerate(scene.solids):
        (at,) = np.nonzero(solid == index)
        if len(at):
            points = origins + distance[at] * directions[:, at]
            facing = np.maximum(light @ one.normals(points), 0)
            colours[:, at] = one.texture.at(points) * (AMBIENT + (1 - AMBIENT) * facing)
    return colours
