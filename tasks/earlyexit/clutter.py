"""Pictures among clutter: easy and hard ones in one data set, so that depth matters.

A picture stands on a larger canvas, among pieces of other pictures. How far from the centre
it stands and how many pieces there are grow with a difficulty that is drawn for each: those
near 0 are as easy as the pictures alone, those near 1 are found by deep exits or by none.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


def cluttered(
    images: Pixels, canvas: int, pieces: int, copies: int, rng: np.random.Generator
) -> Pixels:
    """Each picture `copies` times on a canvas of its own, among pieces of the others.

    A piece is a quarter of a picture of the same array: splits that share no picture share
    no piece. Where things overlap, the brighter shows.

    Args:
        images: (N, H, W, C), 0-255, dark background; H and W even.
        canvas: side of the square canvas in pixels, at least H and W.
        pieces: most pieces on a canvas.
        copies: canvases of each picture.
        rng: draws difficulties, places and pieces.

    Returns:
        uint8 (copies * N, canvas, canvas, C): all pictures once, then all again.

    Raises:
        ValueError: when a picture has an odd side or is larger than the canvas.
    """
    number, height, width, channels = images.shape
    if height % 2 or width % 2 or max(height, width) > canvas:
        raise ValueError(f"pictures of {height} x {width} pixels do not fit, canvas {canvas}")
    count = number * copies
    made = np.zeros((count, canvas, canvas, channels), np.uint8)
    difficulty = rng.random((count, 1))
    room = np.array([canvas - height, canvas - width])
    shift = rng.uniform(-0.5, 0.5, (count, 2)) * room * difficulty
    _put(made, np.tile(images, (copies, 1, 1, 1)), np.rint(room / 2 + shift).astype(int))
    quarters = images.reshape(number, 2, height // 2, 2, width // 2, channels)
    quarters = quarters.swapaxes(2, 3).reshape(-1, height // 2, width // 2, channels)
    for piece in range(pieces):
        drawn = quarters[rng.integers(len(quarters), size=count)]
        places = rng.integers(0, canvas - np.array(drawn.shape[1:3]) + 1, (count, 2))
        _put(made, drawn * (difficulty * pieces > piece + 0.5)[..., None, None], places)
    return made


def _put(canvases: Pixels, items: Pixels, places: NDArray[np.integer]) -> None:
    """Draw each item on its canvas where it is brighter; `places` are top and left, (N, 2)."""
    height, width = items.shape[1:3]
    rows = places[:, :1, None] + np.arange(height)[:, None]
    columns = places[:, 1:, None] + np.arange(width)
    at = np.arange(len(canvases))[:, None, None], rows, columns
    canvases[at] = np.maximum(canvases[at], items)
