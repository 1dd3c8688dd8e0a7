"""Draws test pictures of an early-exit task as its networks see them.

python -m leapbench.studies.earlyexit.samples docs/images/early-exit-digits.png
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray

from leapbench.contract import registry
from leapbench.tasks.earlyexit import splits

COLUMNS, ROWS, ZOOM = 14, 4, 3


def sheet(images: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Pictures side by side, grey, with two pixels between them.

    Args:
        images: (COLUMNS * ROWS, H, W), of any range; the darkest pixel becomes black.

    Returns:
        (ROWS * (H + 2), COLUMNS * (W + 2)).
    """
    low, high = float(images.min()), float(images.max())
    grey = np.rint((images - low) / (high - low) * 255).astype(np.uint8)
    framed = np.pad(grey, ((0, 0), (1, 1), (1, 1)), constant_values=255)
    height, width = framed.shape[1:]
    grid = framed.reshape(ROWS, COLUMNS, height, width).swapaxes(1, 2)
    return grid.reshape(ROWS * height, COLUMNS * width)


def main() -> None:
    """Write the first test pictures as PNG."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", help="the PNG to write")
    parser.add_argument("--task", default="earlyexit/digits")
    asked = parser.parse_args()
    from PIL import Image

    protocol = registry.task(asked.task).protocols["smoke"]
    images = splits.load(protocol.settings, protocol.seed_key)["test"].images
    drawn = Image.fromarray(sheet(images[: COLUMNS * ROWS, 0]))
    size = (drawn.width * ZOOM, drawn.height * ZOOM)
    drawn.resize(size, Image.Resampling.NEAREST).save(asked.out, optimize=True)


if __name__ == "__main__":
    main()
