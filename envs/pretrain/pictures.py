"""Pictures to learn from, and pictures to ask about: of one object, and of several places."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.pretrain.shape import Shape
from leapbench.envs.pretrain.views import Pixels
from leapbench.errors import UserError

Labels = NDArray[np.int64]
SIDE = 32
"""Of pictures that are drawn, in pixels."""
BACK, FRONT = (0, 1, 2, 3, 4, 5), (6, 7, 8, 9)
"""Classes that are grounds and classes that are put upon them, where places are composed."""
COVERED = 0.4
"""Share of a patch that an object covers, at least, where the patch has the object's label."""


@dataclass(frozen=True, eq=False)
class Asked:
    """Pictures with labels, for probes.

    Args:
        images: uint8 (N, H, W, C).
        labels: int64 (N,), one a picture, or (N, patches), one a patch, 0 for what is no object.
        classes: number of labels.
    """

    images: Pixels
    labels: Labels
    classes: int


@dataclass(frozen=True, eq=False)
class Split:
    """Pictures to fit probes on, or to test them on: whole ones, and ones with labelled places."""

    whole: Asked
    places: Asked


def digits(items: Pixels, kinds: Labels, count: int, shape: Shape, seed: int) -> Split:
    """Drawn pictures of one digit each, which serve both questions.

    A digit is 24 to 32 pixels wide, stands anywhere, and has one colour on a ground of another.

    Args:
        items: uint8 (M, 8, 8, 1), digits.
        kinds: int64 (M,), which ones they are.
        count: pictures.
        shape: sizes of patches; its three channels are colours.
        seed: draws them.
    """
    rng = np.random.default_rng(seed)
    chosen = rng.integers(len(items), size=count)
    ink = np.stack([_placed(items[i, :, :, 0] / 255, rng) for i in chosen])
    images = np.stack([_painted(each, rng) for each in ink])
    labels = kinds[chosen]
    over = _by_patch(ink > 0.3, shape) > COVERED / 2
    return Split(
        Asked(images, labels, 10), Asked(images, np.where(over, 1 + labels[:, None], 0), 11)
    )


@lru_cache(maxsize=1)
def items() -> tuple[Pixels, Labels]:
    """Scikit-learn's 1,797 digits of 8x8 pixels, uint8 (N, 8, 8, 1), and which ones they are."""
    from sklearn.datasets import load_digits

    found = load_digits()
    grey = np.rint(found.images * 255 / 16).astype(np.uint8)
    return grey[..., None], found.target.astype(np.int64)


def composed(images: Pixels, labels: Labels, count: int, shape: Shape, seed: int) -> Asked:
    """Pictures of some classes on which two discs show pictures of four others.

    Args:
        images: uint8 (N, H, W, C).
        labels: int64 (N,), 0 to 9.
        count: pictures.
        shape: sizes of patches.
        seed: draws them.

    Returns:
        pictures with labels 0 for the ground and 1 to 4 for what a disc shows.
    """
    rng = np.random.default_rng(seed)
    grounds = np.flatnonzero(np.isin(labels, BACK))
    fronts = np.flatnonzero(np.isin(labels, FRONT))
    if not len(grounds) or not len(fronts):
        raise UserError("Composing takes pictures of ten classes.")
    side = images.shape[1]
    made, parts = images[rng.choice(grounds, count)].copy(), np.zeros((count, side, side), np.int64)
    rows, columns = np.mgrid[:side, :side]
    for i in range(count):
        for j in rng.choice(fronts, 2):
            radius = side * rng.uniform(6, 10) / 32
            y, x = rng.uniform(radius / 2, side - radius / 2, 2)
            disc = (rows - y) ** 2 + (columns - x) ** 2 < radius**2
            made[i][disc] = images[j][disc]
            parts[i][disc] = 1 + FRONT.index(int(labels[j]))
    over = np.stack([_by_patch(parts == kind, shape) for kind in range(5)])
    return Asked(made, over.argmax(0), 5)


def _placed(digit: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Ink in [0, 1] of a digit that is stretched to a random size, on a canvas."""
    size = int(rng.integers(24, 33))
    spot = np.clip((np.arange(size) + 0.5) * len(digit) / size - 0.5, 0, len(digit) - 1)
    low = np.minimum(spot.astype(int), len(digit) - 2)
    share = spot - low
    grown = digit[low] * (1 - share)[:, None] + digit[low + 1] * share[:, None]
    grown = grown[:, low] * (1 - share) + grown[:, low + 1] * share
    canvas = np.zeros((SIDE, SIDE))
    top, left = rng.integers(0, SIDE - size + 1, 2)
    canvas[top : top + size, left : left + size] = grown
    return canvas


def _painted(ink: NDArray[np.float64], rng: np.random.Generator) -> Pixels:
    """A bright grey for the ink, on a dark ground."""
    ground, colour = np.full(3, rng.uniform(0.0, 0.2)), np.full(3, rng.uniform(0.7, 1.0))
    picture = ground * (1 - ink[..., None]) + colour * ink[..., None]
    return np.asarray(np.rint(255 * picture)).astype(np.uint8)


def _by_patch(over: NDArray[np.bool_], shape: Shape) -> NDArray[np.float64]:
    """Share of each patch (N, patches) of the whole picture that is covered.

    The picture is seen at the size of a view, so that patches are shares of its sides.
    """
    count, side = len(over), over.shape[1]
    edges = np.linspace(0, side, shape.grid + 1)
    summed = np.zeros((count, side + 1, side + 1))
    summed[:, 1:, 1:] = over.cumsum(1).cumsum(2)
    low, high = edges[:-1].round().astype(int), edges[1:].round().astype(int)
    area = (high - low)[:, None] * (high - low)
    total = (
        summed[:, high][:, :, high]
        - summed[:, low][:, :, high]
        - summed[:, high][:, :, low]
        + summed[:, low][:, :, low]
    )
    return np.asarray((total / area).reshape(count, -1))
