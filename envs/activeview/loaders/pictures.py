"""Reads pictures from files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from leapbench.errors import UserError

Change = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
MOST = 100_000_000
"""Pixels of a picture; one that claims more is refused before it is decoded."""


def size(path: Path) -> tuple[int, int]:
    """Height and width of a picture, without decoding it."""
    with _opened(path) as image:
        return image.height, image.width


def reduced(shape: tuple[int, int], resolution: int) -> tuple[int, int]:
    """Height and width in the same proportion, the longer one `resolution`, at least 1."""
    height, width = (max(1, round(edge * resolution / max(shape))) for edge in shape)
    return height, width


def read(
    path: Path, shape: tuple[int, int], original: tuple[int, int], changed: Change | None = None
) -> NDArray[np.uint8]:
    """A picture on white, reduced by area averaging, uint8 (H, W, 3).

    Args:
        path: of the file.
        shape: height and width that are wanted.
        original: height and width that it must have.
        changed: what is done to it before it is reduced.

    Raises:
        UserError: for what is no picture, or one of another size than the rest.
    """
    with _opened(path) as image:
        if (image.height, image.width) != original:
            found, wanted = f"{image.width} x {image.height}", f"{original[1]} x {original[0]}"
            raise UserError(f"{path} is {found} pixels, and the others are {wanted}.")
        try:
            layers = _eight_bits(image).convert("RGBA")
        except (OSError, SyntaxError, ValueError) as error:
            raise UserError(f"{path} cannot be decoded: {error}.") from error
    white = Image.new("RGBA", layers.size, (255, 255, 255, 255))
    flat = Image.alpha_composite(white, layers).convert("RGB")
    if changed is not None:
        flat = Image.fromarray(changed(np.array(flat)))
    return np.array(flat.resize((shape[1], shape[0]), Image.Resampling.BOX))


def _opened(path: Path) -> Image.Image:
    if not path.is_file():
        raise UserError(f"There is no picture {path}.")
    try:
        image = Image.open(path)
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        raise UserError(f"{path} is not a picture: {error}.") from error
    if image.width * image.height > MOST:
        raise UserError(f"{path} has more than {MOST} pixels.")
    return image


def _eight_bits(image: Image.Image) -> Image.Image:
    """A picture with eight bits a channel; Pillow would cut grey ones of 16 bits off at 255.

    Raises:
        ValueError: for grey values that are not of 16 bits.
    """
    if not image.mode.startswith(("I", "F")):
        return image
    grey = np.asarray(image, np.float64)
    if image.mode == "F" or grey.min() < 0 or grey.max() > 65535:
        raise ValueError(f"its values of mode {image.mode} are not of 8 or 16 bits")
    return Image.fromarray(np.rint(grey / 257).astype(np.uint8))
