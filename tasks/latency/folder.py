"""Images of a folder that does not fit into memory, decoded when they are indexed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench import data
from leapbench.contract.meter import Meter
from leapbench.data.folder import ImageFolder
from leapbench.envs.latency.needle import Floats, Ints, Pictures
from leapbench.errors import UserError

# Channel means and deviations of ImageNet pixels in [0, 1], which published weights expect.
MEAN = np.array([0.485, 0.456, 0.406], np.float32).reshape(3, 1, 1)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32).reshape(3, 1, 1)


class FolderImages:
    """Indexed along the first axis as arrays are.

    Args:
        folder: the open data set.
        index: int64 (N,), which of its images these are.
        seed: for random-resized crops and flips, drawn for each image and for how far the meter
            is, so that a training that goes on after a kill sees what it would have seen.
        meter: counts the samples; None for the middle of every image.
    """

    decodes = True

    def __init__(
        self, folder: ImageFolder, index: Ints, seed: int = 0, meter: Meter | None = None
    ) -> None:
        self.folder, self.index, self.seed, self.meter = folder, index, seed, meter
        self.shape = (len(index), 3, folder.size, folder.size)

    def __len__(self) -> int:
        return len(self.index)

    def cropped(self, seed: int, meter: Meter) -> FolderImages:
        """The same images to train with, in random crops."""
        return FolderImages(self.folder, self.index, seed, meter)

    def __getitem__(self, chosen: Ints | slice) -> Floats:
        """Images of the chosen positions, float32 (B, 3, size, size), normalised.

        Raises:
            UserError: when a file is not an image.
        """
        index = self.index[chosen].tolist()
        images = np.stack(list(_threads().map(self._decoded, index)))
        pixels = images.transpose(0, 3, 1, 2).astype(np.float32) / 255.0
        return np.ascontiguousarray((pixels - MEAN) / DEVIATION)

    def _decoded(self, index: int) -> NDArray[np.uint8]:
        rng = None
        if self.meter is not None:
            rng = np.random.default_rng([self.seed, self.meter.used, index])
        ((image, _),) = self.folder.batches([index], 1, rng)
        found: NDArray[np.uint8] = image[0]
        return found


def load(
    name: str, sizes: Mapping[str, int], side: int, rng: np.random.Generator
) -> dict[str, Any]:
    """Training and held-out images of the training part, test images of the validation part.

    Args:
        name: of a data set that is a folder of images.
        sizes: images of "train", "calibration" and "test".
        side: pixels of a crop.
        rng: draws which.

    Raises:
        UserError: when the data set is not here or not whole, or has fewer images.
    """
    train, val = data.open_folder(name, "train", side), data.open_folder(name, "val", side)
    order = rng.permutation(len(train))
    held = sizes["train"] + sizes["calibration"]
    for folder, wanted in ((train, held), (val, sizes["test"])):
        if wanted > len(folder):
            raise UserError(f"{folder.root} has {len(folder):,} images, {wanted:,} are wanted.")
    chosen = np.sort(rng.permutation(len(val))[: sizes["test"]])
    parts = {
        "train": (train, order[: sizes["train"]]),
        "calibration": (train, order[sizes["train"] : held]),
        "test": (val, chosen),
    }
    return {
        split: Pictures(FolderImages(folder, index), folder.labels[index])  # type: ignore[arg-type]
        for split, (folder, index) in parts.items()
    }


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(min(16, os.cpu_count() or 1))
