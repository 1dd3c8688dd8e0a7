"""Colour images that networks are trained on: crops and flips drawn anew for every batch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from leapbench.errors import UserError

PAD = 4
"""Pixels of black around an image, of which a crop of its own size is taken."""


@dataclass(frozen=True, eq=False)
class Images:
    """Training, validation and test images.

    Attributes:
        train: uint8 (N, 3, H, W).
        labels: int64 (N,).
        validation, validation_labels: likewise.
        test, test_labels: likewise.
        classes: how many there are.

    Raises:
        UserError: for arrays of other shapes.
    """

    train: NDArray[np.uint8]
    labels: NDArray[np.int64]
    validation: NDArray[np.uint8]
    validation_labels: NDArray[np.int64]
    test: NDArray[np.uint8]
    test_labels: NDArray[np.int64]
    classes: int

    def __post_init__(self) -> None:
        for name in ("train", "validation", "test"):
            shape = getattr(self, name).shape
            if len(shape) != 4 or shape[1] != 3 or shape[2] != shape[3] or not shape[0]:
                raise UserError(f"{name} must be square images (N, 3, H, H), got {shape}.")

    @property
    def side(self) -> int:
        """Pixels of an edge."""
        return int(self.train.shape[2])

    @cached_property
    def scale(self) -> tuple[Tensor, Tensor]:
        """Mean and deviation of the training pixels by channel, each (3, 1, 1), in [0, 1]."""
        share = self.train[:5000].astype(np.float64) / 255
        moments = (share.mean((0, 2, 3)), share.std((0, 2, 3)).clip(1e-3))
        mean, deviation = (torch.from_numpy(m.astype(np.float32))[:, None, None] for m in moments)
        return mean, deviation

    def seen(self, images: Tensor, device: str) -> Tensor:
        """Pixels (B, 3, H, W) of any dtype in 0-255 as networks take them."""
        mean, deviation = self.scale
        return (images.float() / 255 - mean.to(device)) / deviation.to(device)

    def padded(self, device: str) -> Tensor:
        """Training images with a border, uint8 (N, 3, H + 2 PAD, W + 2 PAD), on a device."""
        border = ((0, 0), (0, 0), (PAD, PAD), (PAD, PAD))
        return torch.from_numpy(np.pad(self.train, border)).to(device)

    def augmented(
        self, padded: Tensor, rows: NDArray[np.int64], rng: np.random.Generator
    ) -> Tensor:
        """Random crops of training images, half of them mirrored, as networks take them.

        Args:
            padded: of `padded`.
            rows: which images, (B,).
            rng: draws crops and mirrors.
        """
        device, side = padded.device, self.side
        corners = rng.integers(2 * PAD + 1, size=(2, len(rows), 1))
        columns = corners[1] + np.arange(side)
        mirrored = rng.random(len(rows)) < 0.5
        columns[mirrored] = columns[mirrored][:, ::-1]
        at = [torch.from_numpy(x).to(device) for x in (rows, corners[0] + np.arange(side), columns)]
        found = padded[at[0][:, None, None], :, at[1][:, :, None], at[2][:, None, :]]
        return self.seen(found.permute(0, 3, 1, 2), str(device))


def split(
    images: NDArray[np.uint8], labels: NDArray[np.int64], held: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows to train on and `held` rows for validation.

    Raises:
        UserError: when nothing would be left to train on.
    """
    if not 0 < held < len(labels):
        raise UserError(f"{held} of {len(labels)} training images cannot be held out.")
    order = rng.permutation(len(images))
    return np.sort(order[held:]), np.sort(order[:held])
