"""Sprites: 64x64 characters in eight frames, nine classes of action and direction."""

from __future__ import annotations

import io
from functools import cache

import numpy as np

from leapbench.data.locate import places
from leapbench.envs.videoglance.needle import Clips
from leapbench.errors import UserError

SIDE, FRAMES, CLASSES = 64, 8, 9
"""Pixels and frames of a clip, and classes."""
HOW = (
    "Its folder holds train.parquet and test.parquet with columns frames_png (one PNG of "
    "8 frames side by side) and label: export LEAPBENCH_DATA=/folder/that/holds/sprites"
)


@cache
def read(split: str) -> Clips:
    """One split, frames uint8 (N, 8, 64, 64, 3).

    Raises:
        UserError: when it is not there, pyarrow is not, or it is not such a file.
    """
    looked = [root / f"{split}.parquet" for root in places("sprites")]
    path = next((file for file in looked if file.is_file()), None)
    if path is None:
        where = "; ".join(str(file) for file in looked)
        raise UserError(f"Sprites were not found. Looked for: {where}.", HOW)
    try:
        import pyarrow.parquet as pq
    except ImportError as error:
        raise UserError(
            f"Reading {path} needs pyarrow.", "`pip install 'leapbench[parquet]'` brings it."
        ) from error
    try:
        table = pq.read_table(path, columns=["frames_png", "label"])
        frames = np.stack([_decoded(blob.as_py()) for blob in table.column("frames_png")])
        labels = np.array(table.column("label").to_pylist(), np.int64)
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise UserError(f"{path} does not hold sprites: {error}.", HOW) from error
    if labels.min() < 0 or labels.max() >= CLASSES:
        raise UserError(f"{path} has labels outside 0-{CLASSES - 1}.", HOW)
    return Clips(frames, labels)


def placed(clips: Clips, side: int, seed: int) -> Clips:
    """Clips on a larger black canvas, each at a place of its own, which is its tube.

    Args:
        clips: frames (N, T, h, w, 3).
        side: rows and columns of the canvas, at least h and w.
        seed: decides the places.
    """
    count, frames, height, width, _ = clips.frames.shape
    at = np.random.default_rng(seed).integers(0, (side - height + 1, side - width + 1), (count, 2))
    canvas = np.zeros((count, frames, side, side, 3), np.uint8)
    for out, clip, (y, x) in zip(canvas, clips.frames, at.tolist(), strict=True):
        out[:, y : y + height, x : x + width] = clip
    return Clips(canvas, clips.labels, *_tubes(canvas))


def _tubes(canvas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First corners and those one behind the last of what is not black, int64 (N, 3) each."""
    drawn = np.asarray(canvas.any((1, 4)))
    first, last = np.zeros((2, len(canvas), 3), np.int64)
    last[:, 0] = canvas.shape[1]
    for axis in (1, 2):
        inside = np.asarray(drawn.any(axis=3 - axis))
        first[:, axis] = inside.argmax(1)
        last[:, axis] = inside.shape[1] - inside[:, ::-1].argmax(1)
    return first, last


def _decoded(blob: bytes) -> np.ndarray:
    """Frames uint8 (8, 64, 64, 3) of one PNG."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(blob), formats=("PNG",)) as image:
            if image.size != (SIDE * FRAMES, SIDE):
                raise ValueError(f"a PNG of {image.size}")
            strip = np.asarray(image.convert("RGB"), np.uint8)
    except (SyntaxError, Image.DecompressionBombError) as error:  # what Pillow raises besides
        raise ValueError(str(error)) from error
    return np.ascontiguousarray(strip.reshape(SIDE, FRAMES, SIDE, 3).swapaxes(0, 1))
