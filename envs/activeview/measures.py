"""How good a reconstruction is, and how well its variance foretells its errors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LEAST = 1e-10
"""Least mean squared error, which bounds a PSNR by 100 dB."""
REMOVED = np.arange(100)
"""Percentages of the pixels that a sparsification curve leaves out."""


def squared_errors(colours: NDArray[np.float32], images: NDArray[np.uint8]) -> Floats:
    """Squared errors (T, H, W), means over the channels, of colours in [0, 1]."""
    return np.asarray(((colours - images / np.float64(255)) ** 2).mean(axis=-1))


def psnr(squared: Floats) -> float:
    """Mean over the images of squared errors (T, H, W) of the PSNR of each, in dB."""
    return float(np.mean(-10 * np.log10(np.maximum(squared.mean(axis=(1, 2)), LEAST))))


def psnr_within(squared: Floats, pixels: NDArray[np.bool_] | None) -> float:
    """PSNR in dB of the chosen pixels of all images taken together; nan for none."""
    if pixels is None or not pixels.any():
        return float("nan")
    return float(-10 * np.log10(max(squared[pixels].mean(), LEAST)))


def ause(squared: Floats, variance: NDArray[np.float32]) -> float:
    """Area under the sparsification error (Ilg et al. 2018, arXiv 1802.07095, section 5).

    Pixels of all images are left out one per cent at a time, those of largest variance
    first. The curve is the mean absolute error, here the root of the squared error of a
    pixel, of what is left, over that of all pixels. From it the curve that leaves out the
    largest errors first is taken away, and the area is the mean of the difference.

    Returns:
        0 for a variance that orders pixels as their errors do, about 0.5 for one that has
        nothing to do with them.
    """
    error = np.sqrt(squared.ravel())
    if not error.any():
        return 0.0
    by_variance = error[np.argsort(-variance.ravel().astype(np.float64), kind="stable")]
    return float((_left(by_variance) - _left(np.sort(error)[::-1])).mean() / error.mean())


def area(psnrs: list[float], acquired: list[int], views: int) -> float:
    """Area under PSNR against acquisitions, over their number: a mean PSNR in dB.

    Each of the `views` acquisitions counts once, with the PSNR after the training that it
    was first part of. Acquisitions that an episode did not get to count with the last
    PSNR, which is all they left behind.

    Args:
        psnrs: dB, before the first acquisition and after each training.
        acquired: number of acquisitions at each of them, from 0, not falling.
        views: budget of acquisitions.
    """
    counts = np.diff([*acquired, views])
    return float(np.dot(counts, [*psnrs[1:], psnrs[-1]]) / views)


def _left(errors: Floats) -> Floats:
    """Mean of what is left of ordered errors without the first `REMOVED` per cent."""
    sums = np.append(np.cumsum(errors[::-1])[::-1], 0.0)
    first = REMOVED * len(errors) // 100
    return np.asarray(sums[first] / (len(errors) - first))
