"""ImageNet-style folders, read image by image: `<root>/<wnid>/*.JPEG`."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from leapbench.errors import UserError

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

Box = tuple[float, float, float, float]  # left, upper, right, lower; pixels
_SUFFIXES = (".jpeg", ".jpg", ".png")
_AREA = (0.08, 1.0)  # of the image; Szegedy et al. 2015, section 6
_ASPECT = (3 / 4, 4 / 3)  # width / height
_TRIES = 10  # random crops drawn before the largest central one is taken
_CENTRE = 224 / 256  # share of the shorter side that the evaluation crop keeps


class ImageFolder:
    """A split too large for memory; files are listed on first use and decoded on demand.

    Args:
        root: folder with one folder of images a class; classes are numbered in
            the sorted order of their names.
        size: side of the square crops, in pixels.

    Raises:
        UserError: when `root` holds no class folders.
    """

    def __init__(self, root: Path, size: int = 224) -> None:
        self.root, self.size = root, size
        if not root.is_dir():
            raise UserError(f"{root} is not a folder.")
        self.classes = sorted(e.name for e in os.scandir(root) if e.is_dir() and e.name[0] != ".")
        if not self.classes:
            raise UserError(f"{root} holds no class folders.", "Expected <wnid>/*.JPEG in it.")

    @cached_property
    def _files(self) -> list[list[str]]:
        return [self._list(self.root / name) for name in self.classes]

    @staticmethod
    def _list(folder: Path) -> list[str]:
        names = (entry.name for entry in os.scandir(folder) if entry.name[0] != ".")
        return sorted(name for name in names if name.lower().endswith(_SUFFIXES))

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """Class of each image, int64 (N,), non-decreasing."""
        return np.repeat(np.arange(len(self.classes)), [len(files) for files in self._files])

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        return np.searchsorted(self.labels, np.arange(len(self.classes)))

    def __len__(self) -> int:
        return len(self.labels)

    def path(self, index: int) -> Path:
        """The file of image `index`, in [0, len(self))."""
        label = int(self.labels[index])
        name = self._files[label][index - int(self._starts[label])]
        return self.root / self.classes[label] / name

    def batches(
        self,
        indices: Sequence[int] | NDArray[np.int64],
        batch: int,
        rng: np.random.Generator | None = None,
    ) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
        """Decode the images of `indices` in order.

        Args:
            indices: which images, each in [0, len(self)).
            batch: images a batch; the last one may be smaller.
            rng: for training: random-resized crops and horizontal flips drawn
                from it (Szegedy et al. 2015); None for the central crop.

        Yields:
            Images uint8 (B, size, size, 3) and labels int64 (B,).

        Raises:
            UserError: when a file is not an image.
        """
        chosen = np.asarray(indices, np.int64)
        for start in range(0, len(chosen), batch):
            part = chosen[start : start + batch]
            yield np.stack([self._decode(int(index), rng) for index in part]), self.labels[part]

    def squares(self, indices: Sequence[int] | NDArray[np.int64]) -> NDArray[np.uint8]:
        """Middle squares of the images of `indices`, as large as they are, scaled.

        Returns:
            uint8 (B, size, size, 3).

        Raises:
            UserError: when a file is not an image.
        """
        return np.stack([self._read(int(index), middle_square) for index in indices])

    def _decode(self, index: int, rng: np.random.Generator | None) -> NDArray[np.uint8]:
        if rng is None:
            return self._read(index, centre_box)
        pixels = self._read(index, lambda width, height: random_box(width, height, rng))
        return pixels[:, ::-1] if rng.random() < 0.5 else pixels

    def _read(self, index: int, box: Callable[[int, int], Box]) -> NDArray[np.uint8]:
        from PIL import Image

        path = self.path(index)
        try:
            with Image.open(path, formats=("JPEG", "PNG")) as image:
                return scaled(image, self.size, box(*image.size))
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise UserError(f"{path} is not a readable image: {error}.") from error


def scaled(image: Picture, side: int, box: Box) -> NDArray[np.uint8]:
    """A part of an image, scaled to uint8 (side, side, 3)."""
    from PIL import Image

    grey = image.mode.startswith("I")  # of 16 bits, which Pillow would cut off at 255
    plain = Image.fromarray(np.asarray(image) // 257).convert("L") if grey else image
    crop = plain.convert("RGB").resize((side, side), Image.Resampling.BILINEAR, box=box)
    return np.asarray(crop, np.uint8)


def middle_square(width: int, height: int) -> Box:
    """The largest central square, in pixels."""
    side = float(min(width, height))
    return _centred(width, height, side, side)


def centre_box(width: int, height: int) -> Box:
    """The central square that a 224 crop keeps after the shorter side became 256."""
    side = min(width, height) * _CENTRE
    return _centred(width, height, side, side)


def random_box(width: int, height: int, rng: np.random.Generator) -> Box:
    """A crop of random area (8-100 %) and aspect (3:4 to 4:3, log-uniform), in pixels."""
    for _ in range(_TRIES):
        area = width * height * rng.uniform(*_AREA)
        aspect = math.exp(rng.uniform(math.log(_ASPECT[0]), math.log(_ASPECT[1])))
        w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < w <= width and 0 < h <= height:
            left, upper = int(rng.integers(width - w + 1)), int(rng.integers(height - h + 1))
            return left, upper, left + w, upper + h
    return _centred(width, height, min(width, height * _ASPECT[1]), min(height, width / _ASPECT[0]))


def _centred(width: int, height: int, inner_width: float, inner_height: float) -> Box:
    left, upper = (width - inner_width) / 2, (height - inner_height) / 2
    return left, upper, left + inner_width, upper + inner_height
