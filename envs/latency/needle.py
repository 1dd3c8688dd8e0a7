"""Needle images: one small object on a large canvas decides the class, the rest is clutter."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

COARSE = 6
"""Numbers along a side of the grid that the background is drawn from."""
PIECES = 4
"""Pieces along a side that a distractor is cut into and put together wrongly."""
DISTRACTORS = 2
NOISE = 0.05
"""Standard deviation of the noise on every pixel; objects have values from 0 to 1."""


@dataclass(frozen=True)
class Pictures:
    """Images with their classes; read-only.

    Attributes:
        images: float32 (N, C, H, W), or what decodes such images when it is indexed along the
            first axis.
        labels: int64 (N,).
        boxes: int64 (N, 4), left, top, right and bottom of the object in pixels, where known.
    """

    images: Floats
    labels: Ints
    boxes: Ints | None = None

    def __post_init__(self) -> None:
        for name in ("images", "labels", "boxes"):
            array = getattr(self, name)
            if array is not None and not hasattr(array, "decodes"):
                view = np.asarray(array).view()
                view.flags.writeable = False
                object.__setattr__(self, name, view)

    def __len__(self) -> int:
        return len(self.labels)


def needles(
    items: Floats, labels: Ints, count: int, size: int, rng: np.random.Generator
) -> Pictures:
    """Images that hold one item each, at a random place.

    Background of low frequency, scrambled items as distractors, noise. Every item is used as
    often as every other.

    Args:
        items: float32 (N, h, w), values from 0 to 1; h and w divide by 4.
        labels: int64 (N,), their classes.
        count: images to make.
        size: side of an image in pixels.
        rng: draws everything.

    Returns:
        Images float32 (count, 1, size, size), centred and scaled, their labels and boxes.
    """
    side = items.shape[1]
    chosen = np.concatenate([rng.permutation(len(items)) for _ in range(-(-count // len(items)))])
    chosen = chosen[:count]
    images = _backgrounds(count, size, rng)
    for _ in range(DISTRACTORS):
        wrong = _scrambled(items[rng.integers(len(items), size=count)], rng)
        _put(images, 0.8 * wrong, rng.integers(0, size - side + 1, (2, count)))
    places = rng.integers(0, size - side + 1, (2, count))
    _put(images, items[chosen], places)
    images += NOISE * rng.standard_normal(images.shape, dtype=np.float32)
    boxes = np.stack([places[0], places[1], places[0] + side, places[1] + side], 1)
    return Pictures((images[:, None] - 0.35) / 0.3, labels[chosen], boxes.astype(np.int64))


def enlarged(items: NDArray[np.uint8], factor: int, largest: float) -> Floats:
    """Items with pixels repeated `factor` times along both sides, and values from 0 to 1."""
    repeated = items.repeat(factor, 1).repeat(factor, 2)
    return repeated.astype(np.float32) / np.float32(largest)


@cache
def digits(split: str) -> tuple[Floats, Ints]:
    """Scikit-learn's digits, twice as large: float32 (N, 16, 16) and int64 (N,).

    Args:
        split: "train" for the first 1,200, "test" for the other 597.
    """
    from sklearn.datasets import load_digits

    found = load_digits()
    part = slice(0, 1200) if split == "train" else slice(1200, None)
    return enlarged(found.images[part], 2, 16.0), found.target[part].astype(np.int64)


def _backgrounds(count: int, size: int, rng: np.random.Generator) -> Floats:
    """Smooth fields (count, size, size): straight lines between the points of a coarse grid."""
    coarse = rng.uniform(0.0, 0.4, (count, COARSE, COARSE)).astype(np.float32)
    at = np.linspace(0, COARSE - 1, size, dtype=np.float32)
    low = np.minimum(at.astype(int), COARSE - 2)
    weights = np.zeros((size, COARSE), np.float32)
    weights[np.arange(size), low] = 1 - (at - low)
    weights[np.arange(size), low + 1] = at - low
    return np.asarray(weights @ coarse @ weights.T, np.float32)


def _scrambled(items: Floats, rng: np.random.Generator) -> Floats:
    """Items (N, s, s) cut into pieces, which are put back in another order."""
    count, side = items.shape[:2]
    piece = side // PIECES
    cut = items.reshape(count, PIECES, piece, PIECES, piece).transpose(0, 1, 3, 2, 4)
    cut = cut.reshape(count, PIECES**2, piece, piece)
    order = rng.random((count, PIECES**2)).argsort(1)
    mixed = np.take_along_axis(cut, order[:, :, None, None], 1)
    mixed = mixed.reshape(count, PIECES, PIECES, piece, piece).transpose(0, 1, 3, 2, 4)
    return np.ascontiguousarray(mixed).reshape(count, side, side)


def _put(images: Floats, items: Floats, places: NDArray[np.integer]) -> None:
    """Draw each item over its image, where it is brighter; `places` are left and top (2, N)."""
    side = items.shape[1]
    steps = np.arange(side)
    rows = places[1][:, None, None] + steps[:, None]
    columns = places[0][:, None, None] + steps
    number = np.arange(len(images))[:, None, None]
    images[number, rows, columns] = np.maximum(images[number, rows, columns], items)
