"""Images for convolutional networks."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from leapbench import data
from leapbench.envs.distill.deep.images import Images, split

HOLD_OUT = 20_221_013
"""Seed of the split of training images into training and validation."""


@lru_cache(maxsize=1)
def load(name: str, samples: int, held: int, tests: int) -> Images:
    """Images of a data set; validation images are held out of its training part.

    Args:
        name: of a data set, such as "cifar100".
        samples: training images, at most.
        held: validation images.
        tests: test images, at most.

    Raises:
        UserError: when the data set is not here, or has too few images.
    """
    images, labels = data.load(name, "train")
    if "test" in data.get(name).splits:
        others, right = data.load(name, "test")
    else:  # of one part: its last images are for the test
        others, right = images[-tests:], labels[-tests:]
        images, labels = images[:-tests], labels[:-tests]
    rows, kept = split(images, labels, held, np.random.default_rng(HOLD_OUT))
    rows = rows[:samples]
    seen = [_planes(x) for x in (images[rows], images[kept], others[:tests])]
    return Images(
        seen[0], labels[rows], seen[1], labels[kept], seen[2], right[:tests], data.get(name).classes
    )


def _planes(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(N, H, W, C) as (N, 3, H, W); grey images three times."""
    planes = np.broadcast_to(images, (*images.shape[:3], 3)) if images.shape[3] == 1 else images
    return np.ascontiguousarray(planes.transpose(0, 3, 1, 2))
