"""Real pictures from a folder, in the layouts that multi-task code uses.

* `train/` and `val/` with `image/`, `label/` (`label_19/` or `label_7/` of Cityscapes), `depth/`
  and, for NYU-v2, `normal/`, each with arrays `0.npy`, `1.npy`, ...: the preprocessed data of
  MTAN (Liu et al., 2019), LibMTL and others.
* `train.parquet`, `test.parquet` and `classes.json`: NYU-v2 with compressed pictures and 13
  classes. It has no normals; they are computed from the depth, and are coarse.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from leapbench.envs.sparsify.scenes import Pictures
from leapbench.errors import UserError

MEAN, SCALE = 0.45, 0.25
"""Of pixels in [0, 1]; what a network sees is about zero mean and unit scale."""
PINHOLE = (177.9, 178.1, 97.57, 71.57)
"""fx, fy, cx, cy in pixels of the 192 x 144 crop: the released calibration of NYU-v2, scaled."""
WINDOW = 5
"""Pixels to each side in which a plane is fitted to the inverse depth."""
LABELS = ("label", "label_19", "label_7")
LARGEST = 4096
"""Pixels of an edge."""


class Found(NamedTuple):
    """Pictures of both official parts, and the names of the classes."""

    train: Pictures
    test: Pictures
    names: tuple[str, ...]


def read(root: Path, size: tuple[int, int]) -> Found:
    """Read a folder, its pictures reduced to `size` (height, width).

    Raises:
        UserError: when it is not there, or in no known layout.
    """
    if (root / "train.parquet").is_file() and (root / "classes.json").is_file():
        names = _names(root / "classes.json")
        train, test = (_parquet(root / f"{p}.parquet", size, len(names)) for p in ("train", "test"))
        return Found(train, test, names)
    if (root / "train" / "image").is_dir():
        train, test = (_arrays(root / part, size) for part in ("train", "val"))
        count = 1 + max(int(part.classes.max()) for part in (train, test))
        return Found(train, test, tuple(f"class {i}" for i in range(count)))
    state = "has neither" if root.is_dir() else "does not exist; expected"
    raise UserError(
        f"{root} {state} train/image/*.npy nor train.parquet with classes.json.",
        "docs/sparsify.md describes both layouts.",
    )


def _names(path: Path) -> tuple[str, ...]:
    try:
        return tuple(str(each) for each in json.loads(path.read_text(encoding="utf-8"))["label13"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is not what it should be: {error}. It needs `label13`.") from error


def _arrays(root: Path, size: tuple[int, int]) -> Pictures:
    """A part in arrays."""
    labels = next((root / name for name in LABELS if (root / name).is_dir()), None)
    indices = sorted(int(each.stem) for each in (root / "image").glob("*.npy") if _whole(each.stem))
    if labels is None or not indices:
        raise UserError(f"{root} lacks numbered arrays in image/, or one of {', '.join(LABELS)}.")
    stacks: dict[str, list[Any]] = {"image": [], "label": [], "depth": [], "normal": []}
    for index in indices:
        image = _array(root / "image" / f"{index}.npy", 3, 3)
        stacks["image"].append(_average(image.transpose(2, 0, 1), size))
        stacks["label"].append(_nearest(_array(labels / f"{index}.npy", 2, 0)[None], size)[0])
        for name, channels in (("depth", 1), ("normal", 3)):
            if (root / name).is_dir():
                found = _array(root / name / f"{index}.npy", 3, channels)
                stacks[name].append(_nearest(found.transpose(2, 0, 1), size))
    classes = np.stack(stacks["label"]).astype(np.int64)
    classes[(classes < 0) | (classes == 255)] = -1
    normals = _stack(stacks["normal"])
    if normals.size:
        length = np.linalg.norm(normals, axis=1, keepdims=True)
        normals = np.where(length > 0.5, normals / np.maximum(length, 1e-6), 0).astype(np.float32)
    images = (np.stack(stacks["image"]) - MEAN) / SCALE
    return Pictures(images.astype(np.float32), classes, _stack(stacks["depth"]), normals)


def _whole(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _stack(parts: list[Any]) -> NDArray[np.float32]:
    return np.stack(parts).astype(np.float32) if parts else np.zeros(0, np.float32)


def _array(path: Path, dimensions: int, channels: int) -> NDArray[Any]:
    """One array; a last axis of one is added where it is missing."""
    try:
        found = np.load(path, allow_pickle=False)
        if channels == 1 and found.ndim == 2:
            found = found[..., None]
        good = found.ndim == dimensions and max(found.shape) <= LARGEST
        if not good or (channels and found.shape[-1] != channels) or found.dtype.kind not in "fiu":
            raise ValueError(f"{found.dtype} {found.shape}")
    except (OSError, ValueError, EOFError) as error:
        wanted = f"(H, W, {channels})" if channels else "(H, W)"
        raise UserError(f"{path} is not an array {wanted}: {error}.") from error
    return np.nan_to_num(np.asarray(found, np.float32), nan=0.0, posinf=0.0, neginf=0.0)


def _parquet(path: Path, size: tuple[int, int], classes: int) -> Pictures:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        hint = "`pip install 'leapbench[parquet]'` brings it."
        raise UserError(f"Reading {path} needs pyarrow.", hint) from error
    images, labels, depths, normals = [], [], [], []
    try:
        table = pq.read_table(path, columns=["image_jpg", "depth_png", "label13_png"])
        for picture, depth_png, label in zip(*(c.to_pylist() for c in table.columns), strict=True):
            image, label = _decoded(picture, "RGB"), _decoded(label, "L")
            depth = _decoded(depth_png, "L").astype(np.float32) * (10 / 255)
            pixels = np.asarray(image.transpose(2, 0, 1) / 255, np.float32)
            images.append(_average(pixels, size))
            labels.append(_nearest(label[None].astype(np.float32), size)[0])
            depths.append(_nearest(depth[None], size))
            normals.append(_nearest(from_depth(depth), size))
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        expected = "It needs columns image_jpg, depth_png and label13_png."
        raise UserError(f"{path} is not NYU-v2: {error}.", expected) from error
    known = np.stack(labels).astype(np.int64)
    known[known >= classes] = -1
    shown = (np.stack(images) - MEAN) / SCALE
    return Pictures(shown.astype(np.float32), known, _stack(depths), _stack(normals))


def _decoded(blob: bytes, mode: str) -> NDArray[np.uint8]:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(blob), formats=("PNG", "JPEG")) as image:
            if max(image.size) > LARGEST:  # the header alone: nothing is decoded yet
                raise ValueError(f"a picture of {image.size}")
            return np.asarray(image.convert(mode), np.uint8)
    except (SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(str(error)) from error


def from_depth(
    depth: NDArray[np.float32], pinhole: tuple[float, float, float, float] = PINHOLE
) -> NDArray[np.float32]:
    """Normals of the planes that fit the inverse depth around each pixel, (3, H, W).

    On a plane n . X = d, seen through rays (x, y, 1), the inverse depth n . (x, y, 1) / d is
    linear in the picture: its slopes give n. Unknown depth (0), and pixels next to the edge
    or to unknown depth, give 0. Normals face the camera: x right, y down, z away.

    Args:
        depth: (H, W), 0 where unknown.
        pinhole: fx, fy, cx, cy in pixels.
    """
    fx, fy, cx, cy = pinhole
    height, width = depth.shape
    inverse = np.where(depth > 0, 1 / np.maximum(depth, 1e-3), 0)
    side, ramp = 2 * WINDOW + 1, torch.arange(-WINDOW, WINDOW + 1, dtype=torch.float32)
    stacked = torch.from_numpy(np.stack([inverse, depth > 0]).astype(np.float32))[:, None]
    pair = torch.stack([ramp, torch.ones(side)])[:, None]
    rows = F.conv2d(stacked, pair[:, :, None], padding=(0, WINDOW))  # ramp and sum along x
    found = F.conv2d(rows.flatten(0, 1)[:, None], pair[..., None], padding=(WINDOW, 0))
    moment = float((ramp**2).sum()) * side
    a, b = found[0, 1].numpy() / moment * fx, found[1, 0].numpy() / moment * fy
    x = (np.arange(width, dtype=np.float32) - cx) / fx
    y = (np.arange(height, dtype=np.float32)[:, None] - cy) / fy
    c = found[1, 1].numpy() / side**2 - a * x - b * y
    normal = np.stack([a, b, c])
    normal *= np.where((a * x + b * y + c) > 0, -1, 1)  # towards the camera
    normal /= np.maximum(np.linalg.norm(normal, axis=0), 1e-9)
    whole = found[3, 1].numpy() > side**2 - 0.5
    return np.where(whole, normal, 0).astype(np.float32)


def _average(image: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """(C, H, W) reduced to `size` by the mean over areas."""
    return np.asarray(F.adaptive_avg_pool2d(torch.from_numpy(image), size).numpy())


def _nearest(values: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """(C, H, W) reduced to `size` by the nearest pixel."""
    reduced = F.interpolate(torch.from_numpy(values)[None], size, mode="nearest-exact")
    return np.asarray(reduced[0].numpy())
