"""Samples of an image folder that does not fit into memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from leapbench import data
from leapbench.contract import seeds
from leapbench.data.folder import ImageFolder
from leapbench.tasks.earlyexit.splits import Split

# Channel means and deviations of ImageNet pixels in [0, 1], as in the released code.
MEAN = np.array([0.485, 0.456, 0.406], np.float32).reshape(3, 1, 1)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32).reshape(3, 1, 1)


class FolderImages:
    """Decodes images when indexed, as `numpy` arrays are indexed along their first axis.

    Args:
        folder: the open data set.
        index: int64 (N,), which of its images belong to the split.
        rng: for random-resized crops and flips; None for the central crop.
    """

    def __init__(
        self, folder: ImageFolder, index: np.ndarray, rng: np.random.Generator | None
    ) -> None:
        self.folder, self.index, self.rng = folder, index, rng
        self.shape = (len(index), 3, folder.size, folder.size)

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, chosen: np.ndarray | slice) -> np.ndarray:
        """Images of the chosen positions, float32 (B, 3, size, size), normalised."""
        index = self.index[chosen]
        ((images, _),) = self.folder.batches(index, max(1, len(index)), self.rng)
        pixels = images.transpose(0, 3, 1, 2).astype(np.float32) / 255.0
        return np.ascontiguousarray((pixels - MEAN) / DEVIATION)


def load(settings: Mapping[str, Any], seed_key: str, salt: str = "") -> dict[str, Split]:
    """Split an image folder; see `splits.load`. The test images are those of `val`, salt or not."""
    train, test = (
        data.open_folder(settings["data"], "train"),
        data.open_folder(settings["data"], "val"),
    )
    shuffle, crops = (seeds.sequence(seed_key, "train", 1, i, salt=salt) for i in range(2))
    order = np.random.default_rng(shuffle).permutation(len(train))
    held = int(settings["calibration"])
    calibration, rest = order[:held], order[held : held + int(settings["train"])]
    return {
        "train": _split(train, rest, np.random.default_rng(crops)),
        "calibration": _split(train, calibration, None),
        "test": _split(test, np.arange(len(test)), None),
    }


def _split(folder: ImageFolder, index: np.ndarray, rng: np.random.Generator | None) -> Split:
    return Split(FolderImages(folder, index, rng), folder.labels[index])
