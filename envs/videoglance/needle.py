"""Needle clips: smooth moving clutter, and a small item, seen for moments, that decides the class.

Scrambled items are seen beside it, as bright and as long, and have no class. Where and when the
item is seen (its tube) is kept apart: for an oracle and for diagnostics.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Uint8 = NDArray[np.uint8]
Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class NeedleSettings:
    """How clips are drawn.

    Attributes:
        frames: frames of a clip.
        side: rows and columns of a frame, pixels.
        item: rows and columns of the item, pixels.
        shortest: fewest frames in which the item is seen.
        longest: most frames.
        distractors: scrambled items, seen for as many frames.
        block: side of the blocks that are scrambled, pixels.
        clutter: amplitude of the background.
        noise: standard deviation of each pixel's noise.
    """

    frames: int = 16
    side: int = 48
    item: int = 16
    shortest: int = 3
    longest: int = 5
    distractors: int = 4
    block: int = 4
    clutter: float = 0.35
    noise: float = 0.12


@dataclass(frozen=True, eq=False)
class Clips:
    """Labelled clips.

    Attributes:
        frames: uint8 (N, T, H, W) or (N, T, H, W, 3).
        labels: int64 (N,).
        first: int64 (N, 3), first frame, row and column of the tube; None where none is known.
        last: int64 (N, 3), one behind the last.
    """

    frames: Uint8
    labels: NDArray[np.int64]
    first: NDArray[np.int64] | None = None
    last: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def head(self, count: int) -> Clips:
        """The first clips, without their tubes."""
        return Clips(self.frames[:count], self.labels[:count])


def draw(
    items: Uint8, labels: NDArray[np.int64], count: int, seed: int, settings: NeedleSettings
) -> Clips:
    """Draw clips; clip i depends on the seed and i alone.

    Args:
        items: uint8 (M, h, w), what is hidden.
        labels: int64 (M,), their classes.
        count: clips.
        seed: of all of them.
        settings: how they are drawn.
    """
    made = [clip(items, labels, seed, i, settings) for i in range(count)]
    frames, which, first, last = zip(*made, strict=True)
    return Clips(np.stack(frames), np.array(which), np.stack(first), np.stack(last))


def clip(
    items: Uint8, labels: NDArray[np.int64], seed: int, index: int, settings: NeedleSettings
) -> tuple[Uint8, int, NDArray[np.int64], NDArray[np.int64]]:
    """One clip: frames (T, H, W), its class, and its tube's first and last corner."""
    rng, own = np.random.default_rng([seed, index]), settings
    video = own.clutter * _clutter(rng, own)
    chosen = int(rng.integers(len(items)))
    length = int(rng.integers(own.shortest, own.longest + 1))
    tube = _show(video, _enlarged(items[chosen], own.item), length, rng, own)
    for _ in range(own.distractors):
        other = _enlarged(items[int(rng.integers(len(items)))], own.item)
        shown = int(rng.integers(own.shortest, own.longest + 1))
        _show(video, _scrambled(other, own.block, rng), shown, rng, own)
    video += own.noise * rng.standard_normal(video.shape, dtype=np.float32)
    pixels = np.rint(np.clip(video, 0, 1) * 255).astype(np.uint8)
    return pixels, int(labels[chosen]), tube[0], tube[1]


def _show(
    video: Floats, item: Floats, length: int, rng: np.random.Generator, own: NeedleSettings
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Put an item over `length` frames, drifting at most a pixel a frame; its tube."""
    start = int(rng.integers(own.frames - length + 1))
    drift = rng.uniform(-1, 1, 2)
    free = own.side - own.item
    begin = rng.uniform(0, free, 2)
    path = np.clip(begin + np.arange(length)[:, None] * drift, 0, free)
    at = np.rint(path).astype(np.int64)
    for k, (y, x) in enumerate(at.tolist()):
        patch = video[start + k, y : y + own.item, x : x + own.item]
        np.maximum(patch, 0.9 * item, out=patch)
    first = np.array([start, *at.min(0)])
    last = np.array([start + length, *(at.max(0) + own.item)])
    return first, last


def _clutter(rng: np.random.Generator, own: NeedleSettings) -> Floats:
    """Smooth noise in space and time, in [0, 1], float32 (T, H, W)."""
    coarse = rng.random((4, 6, 6), dtype=np.float32)
    time, space = _stretch(4, own.frames), _stretch(6, own.side)
    rows = np.tensordot(time, coarse, 1)
    rows = np.einsum("hi,tij->thj", space, rows)
    return np.asarray(rows @ space.T, np.float32)


@lru_cache(maxsize=8)
def _stretch(few: int, many: int) -> Floats:
    """Linear interpolation from `few` values to `many`, (many, few)."""
    at = np.linspace(0, few - 1, many)
    return np.asarray(np.maximum(0, 1 - np.abs(at[:, None] - np.arange(few))), np.float32)


def _enlarged(item: Uint8, side: int) -> Floats:
    """An item in [0, 1], float32 (side, side)."""
    rows, columns = (_stretch(length, side) for length in item.shape)
    return np.asarray(rows @ (item.astype(np.float32) / 255) @ columns.T, np.float32)


def _scrambled(item: Floats, block: int, rng: np.random.Generator) -> Floats:
    """The same pixels with their blocks in another order."""
    n = len(item) // block
    blocks = item.reshape(n, block, n, block).swapaxes(1, 2).reshape(n * n, block, block)
    mixed = blocks[rng.permutation(n * n)].reshape(n, n, block, block).swapaxes(1, 2)
    return np.ascontiguousarray(mixed.reshape(item.shape))


@lru_cache(maxsize=1)
def digits() -> tuple[Uint8, NDArray[np.int64]]:
    """scikit-learn's digits: uint8 (1797, 8, 8) and their classes."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return np.rint(bunch.images * (255 / 16)).astype(np.uint8), bunch.target.astype(np.int64)


def parts(count: int, shares: dict[str, int], seed: int) -> dict[str, NDArray[np.int64]]:
    """Disjoint items of each split, by index; the last one takes the rest."""
    order = np.random.default_rng(seed).permutation(count)
    ends = np.cumsum([0, *shares.values()])
    ends[-1] = count
    pairs = zip(shares, ends[:-1], ends[1:], strict=True)
    return {name: order[a:b] for name, a, b in pairs}


ITEMS = {"train": 1000, "calibration": 300, "test": 497}
"""How the digits are split."""


@dataclass(frozen=True)
class Footage:
    """Frames of needle clips of digits, drawn again one by one for pictures.

    Attributes:
        split: whose digits are hidden.
        items_seed: of the split of the digits.
        seed: of the clips.
        settings: how they are drawn, by name.
    """

    split: str
    items_seed: int
    seed: int
    settings: tuple[tuple[str, Any], ...] = ()

    def __call__(self, index: int) -> Uint8:
        """uint8 (T, H, W)."""
        images, labels = digits()
        own = parts(len(images), ITEMS, self.items_seed)[self.split]
        drawn = NeedleSettings(**dict(tuple(pair) for pair in self.settings))
        return clip(images[own], labels[own], self.seed, index, drawn)[0]

    def record(self) -> dict[str, Any]:
        """Arguments as JSON data."""
        return asdict(self)
