"""Objects as pixels, many at once: uint8 images of 32 x 32."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.knowledge.words import COLOURS, SHAPES

SIDE = 32
GREY = 118
RADII = (3.4, 5.2)
"""Of small and large objects, in pixels."""
STRIPE = 0.45
"""How bright the dark stripes of a striped object are."""
BATCH = 1024

Pixels = NDArray[np.uint8]
Ints = NDArray[np.int64]
Floats = NDArray[np.float32]


def coverage(shapes: Ints, sizes: Ints, centres: Floats) -> Floats:
    """How much of each pixel an object covers, float32 (N, SIDE, SIDE) in [0, 1].

    Args:
        shapes: int (N,), places in `SHAPES`.
        sizes: int (N,), 0 small or 1 large.
        centres: float32 (N, 2), x and y in pixels.
    """
    grid = np.arange(SIDE, dtype=np.float32) + 0.5
    radius = np.asarray(RADII, np.float32)[sizes]
    x = (grid[None, :] - centres[:, :1]) / radius[:, None]
    y = (grid[None, :] - centres[:, 1:]) / radius[:, None]
    out = np.empty((len(shapes), SIDE, SIDE), np.float32)
    for kind in np.unique(shapes):
        rows = np.flatnonzero(shapes == kind)
        inside = _distance(SHAPES[kind], x[rows][:, None, :], y[rows][:, :, None])
        out[rows] = np.clip(0.5 - inside * radius[rows][:, None, None], 0.0, 1.0)
    return out


def paint(colours: Ints, textures: Ints, masks: Floats, ground: Floats) -> Floats:
    """Draw an object over each image, float32 (N, SIDE, SIDE, 3) in [0, 255].

    Args:
        colours: int (N,), places in `COLOURS`.
        textures: int (N,), 0 plain or 1 striped.
        masks: what `coverage` gives.
        ground: float32 (N, SIDE, SIDE, 3), what is drawn over.
    """
    palette = np.asarray(list(COLOURS.values()), np.float32)
    lines = np.where(np.arange(SIDE) % 3 == 0, STRIPE, 1.0).astype(np.float32)
    bright = np.where(textures[:, None] == 1, lines[None, :], np.float32(1.0))
    colour = palette[colours][:, None, None, :] * bright[:, :, None, None]
    return ground + masks[..., None] * (colour - ground)


def _distance(shape: str, x: Floats, y: Floats) -> Floats:
    """Signed distance to the edge, negative inside, in units of the radius; nearly so."""
    r, ax, ay = np.hypot(x, y), np.abs(x), np.abs(y)
    match shape:
        case "circle":
            found = r - 0.95
        case "square":
            found = np.maximum(ax, ay) - 0.8
        case "triangle":
            found = np.maximum(y - 0.75, 0.87 * ax - 0.5 * y - 0.42)
        case "cross":
            found = np.minimum(np.maximum(ax - 0.95, ay - 0.3), np.maximum(ax - 0.3, ay - 0.95))
        case "ring":
            found = np.abs(r - 0.72) - 0.26
        case "diamond":
            found = (ax + ay - 1.05) * 0.71
        case "bar":
            found = np.maximum(ax - 1.0, ay - 0.34)
        case _:  # a crescent
            found = np.maximum(r - 0.95, 0.7 - np.hypot(x - 0.5, y))
    return np.asarray(found, np.float32)
