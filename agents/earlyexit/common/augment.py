"""Random crops and flips for small images, a batch at a time."""

from __future__ import annotations

import numpy as np

PAD = 4


def crop_flip(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Crop each image at random from itself padded by 4 zeros; mirror half of them.

    Args:
        images: float32 (B, C, H, W).
        rng: source of the offsets and of the flips.

    Returns:
        float32 (B, C, H, W), a new array.
    """
    count, _, height, width = images.shape
    padded = np.pad(images, ((0, 0), (0, 0), (PAD, PAD), (PAD, PAD)))
    top, left = rng.integers(0, 2 * PAD + 1, (2, count))
    columns = np.arange(width) + left[:, None]
    mirrored = rng.random(count) < 0.5
    columns[mirrored] = columns[mirrored, ::-1]
    rows = np.arange(height) + top[:, None]
    sample = np.arange(count)[:, None, None]
    return np.ascontiguousarray(
        padded[sample, :, rows[:, :, None], columns[:, None, :]].transpose(0, 3, 1, 2)
    )
