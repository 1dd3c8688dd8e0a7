"""Real images that pairs are made of."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from leapbench import data
from leapbench.envs.distill.pairs import Source

SIDE = 14
"""Pixels of an image's side, after averaging."""
IMAGES = 12_000
"""Images that are taken, the first of the training part."""


@lru_cache(maxsize=1)
def load(name: str) -> Source:
    """Images of a data set as grey pictures of 14x14 pixels.

    Args:
        name: of a data set of ten classes, such as "fashion-mnist".

    Raises:
        UserError: when it is not here.
    """
    images, labels = data.load(name, "train")
    grey = images[:IMAGES].astype(np.float32).mean(3) / 255
    side = grey.shape[1] // SIDE * SIDE
    cut = (grey.shape[1] - side) // 2
    middle = grey[:, cut : cut + side, cut : cut + side]
    small = middle.reshape(len(grey), SIDE, side // SIDE, SIDE, side // SIDE).mean((2, 4))
    return Source(name, np.ascontiguousarray(small), labels[:IMAGES], data.get(name).classes)
