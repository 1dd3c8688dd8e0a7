"""Pictures of an image folder that does not fit into memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leapbench import data
from leapbench.data.folder import ImageFolder
from leapbench.envs.pretrain.pictures import Labels
from leapbench.envs.pretrain.shape import Shape
from leapbench.envs.pretrain.views import Pixels
from leapbench.errors import UserError

MARGIN = 8 / 7
"""Side of the pictures that crops are taken from, in sides of a view: 256 pixels for 224."""


class FolderPictures:
    """Decodes pictures when they are indexed, as arrays are along their first axis.

    Args:
        folder: an open data set.
        index: int64 (N,), which of its images these are.
    """

    def __init__(self, folder: ImageFolder, index: NDArray[np.int64]) -> None:
        self.folder, self.index = folder, index

    def __len__(self) -> int:
        return len(self.index)

    def first(self, count: int) -> FolderPictures:
        """The first so many of them, which stay where they are.

        Raises:
            UserError: where there are not as many.
        """
        if count > len(self):
            raise UserError(
                f"{self.folder.root} has {len(self):,} pictures where {count:,} are wanted."
            )
        return FolderPictures(self.folder, self.index[:count])

    def __getitem__(self, chosen: NDArray[np.int64] | slice) -> Pixels:
        """Middle squares of the chosen pictures, uint8 (B, side, side, 3)."""
        return self.folder.squares(self.index[chosen])


def chosen(name: str, split: str, shape: Shape, seed: int) -> tuple[FolderPictures, Labels]:
    """Pictures and labels of a split, in an order that is drawn.

    Args:
        name: of a data set that is a folder of images.
        split: "train", or "test" for its validation part.
        shape: sizes of views.
        seed: draws the order.

    Raises:
        UserError: when the data set is not here, or not whole.
    """
    part = "train" if split == "train" else "val"
    folder = data.open_folder(name, part, round(shape.size * MARGIN))
    order = np.random.default_rng(seed).permutation(len(folder))
    return FolderPictures(folder, order), folder.labels[order]
