"""Pairs of images side by side: a hundred classes from ten, of which some look alike."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.errors import UserError

Floats = NDArray[np.float32]
NOISE = 0.1
"""Standard deviation of the noise on every pixel of a view, in units of the pixel range."""


@dataclass(frozen=True, eq=False)
class Source:
    """Labelled grey images that pairs are made of.

    Attributes:
        name: of the data set; with the number of images it names banks in the cache.
        images: float32 (N, H, W) in [0, 1].
        labels: int64 (N,), 0 to classes - 1.
        classes: number of classes of single images; pairs have its square.

    Raises:
        UserError: for arrays of other shapes, or labels outside.
    """

    name: str
    images: Floats
    labels: NDArray[np.int64]
    classes: int = 10

    def __post_init__(self) -> None:
        if self.images.ndim != 3 or self.images.shape[:1] != self.labels.shape:
            raise UserError(
                f"Images (N, H, W) and labels (N,) are needed, got {self.images.shape} and "
                f"{self.labels.shape}."
            )
        if self.labels.min() < 0 or self.labels.max() >= self.classes:
            raise UserError(f"Labels must lie in 0-{self.classes - 1}.")

    def __deepcopy__(self, memo: dict[int, Any]) -> Source:
        return self


@lru_cache(maxsize=1)
def digits() -> Source:
    """Scikit-learn's 1,797 digits of 8x8 pixels."""
    from sklearn.datasets import load_digits

    found = load_digits()
    return Source("digits", (found.images / 16).astype(np.float32), found.target.astype(np.int64))


@dataclass(frozen=True, eq=False)
class Pairs:
    """Training, validation and test pairs; no single image is in two of them.

    Attributes:
        train: (N, V, D), V fixed views of each pair: each half shifted by up to a pixel, with
            noise, and of mean 0 and deviation 1 in all; the left half's pixels come first.
        pixels: (N, D), the pairs without shift, noise or scaling, in [0, 1].
        labels: int64 (N,), some of them wrong where the scenario says so.
        validation: (N', D), one view of each.
        validation_pixels: (N', D), as `pixels`.
        validation_labels: int64 (N',), all right.
        test: (N'', D).
        test_labels: int64 (N'',), all right.
    """

    train: Floats
    pixels: Floats
    labels: NDArray[np.int64]
    validation: Floats
    validation_pixels: Floats
    validation_labels: NDArray[np.int64]
    test: Floats
    test_labels: NDArray[np.int64]


def make(
    source: Source,
    sizes: tuple[int, int, int],
    views: int,
    wrong: float,
    rng: np.random.Generator,
) -> Pairs:
    """Draw pairs from the halves, quarter and quarter of a shuffled source.

    Args:
        source: the single images.
        sizes: pairs for training, validation and test.
        views: of each training pair.
        wrong: share of training pairs whose label is drawn from all classes.
        rng: decides everything.
    """
    order = rng.permutation(len(source.labels))
    ends = (0, len(order) // 2, len(order) * 3 // 4, len(order))
    parts = [order[a:b] for a, b in pairwise(ends)]
    clean, labels = zip(
        *(_drawn(source, part, size, rng) for part, size in zip(parts, sizes, strict=True)),
        strict=True,
    )
    seen = [np.stack([_view(clean[0], rng) for _ in range(views)], axis=1)]
    seen += [_noisy(each, rng) for each in clean[1:]]
    mean, deviation = seen[0].mean(dtype=np.float64), seen[0].std(dtype=np.float64)
    flat = [((each - mean) / deviation).astype(np.float32) for each in seen]
    flat = [each.reshape(*each.shape[: 2 - (k > 0)], -1) for k, each in enumerate(flat)]
    noisy = labels[0].copy()
    hit = rng.random(len(noisy)) < wrong
    noisy[hit] = rng.integers(source.classes**2, size=int(hit.sum()))
    pixels = [each.reshape(len(each), -1) for each in clean[:2]]
    return Pairs(flat[0], pixels[0], noisy, flat[1], pixels[1], labels[1], flat[2], labels[2])


def _drawn(
    source: Source, part: NDArray[np.int64], size: int, rng: np.random.Generator
) -> tuple[Floats, NDArray[np.int64]]:
    """Images (size, 2, H, W) of random pairs, and their classes."""
    chosen = part[rng.integers(len(part), size=(size, 2))]
    left, right = source.labels[chosen].T
    return source.images[chosen], left * source.classes + right


def _view(images: Floats, rng: np.random.Generator) -> Floats:
    """Each half shifted by up to a pixel, with noise."""
    size, height = images.shape[:2], images.shape[2]
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    moves = rng.integers(3, size=(*size, 2))
    rows = moves[..., 0, None] + np.arange(height)
    columns = moves[..., 1, None] + np.arange(images.shape[3])
    n, k = np.ogrid[: size[0], : size[1]]
    return _noisy(
        padded[n[..., None, None], k[..., None, None], rows[..., None], columns[..., None, :]], rng
    )


def _noisy(images: Floats, rng: np.random.Generator) -> Floats:
    return images + np.float32(NOISE) * rng.standard_normal(images.shape, np.float32)
