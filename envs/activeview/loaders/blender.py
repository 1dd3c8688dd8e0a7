"""NeRF-synthetic, `transforms_train.json` and `transforms_test.json`, and instant-ngp's files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.activeview.cameras import Floats
from leapbench.envs.activeview.capture import Views
from leapbench.envs.activeview.loaders import pictures
from leapbench.envs.activeview.loaders.axes import check_axes
from leapbench.envs.activeview.loaders.lens import Lens
from leapbench.envs.activeview.loaders.photographs import Dataset
from leapbench.errors import UserError

POSES = "transforms_{}.json"
WHOLE = "transforms.json"
"""Where instant-ngp writes all frames, without a split."""
HELD_OUT = 8
"""Of such frames, in the order of their names, every eighth is for tests, as is usual for LLFF."""
EXTENT = 1.5
"""The published scenes lie in [-1.5, 1.5]^3, which becomes the field's box."""


def from_blender(path: str | Path, resolution: int, extent: float | None = None) -> Dataset:
    """Read a scene in the format of NeRF-synthetic (arXiv 2003.08934).

    Poses are taken as they are, with positions divided by `extent`. Pictures are put on
    white. All cameras are that of the training file: its field of view with the principal
    point in the middle or, where it has `fl_x`, its intrinsics, and then the distortion of
    the lens, k1, k2, p1 and p2, is undone, as in files that instant-ngp writes.

    Args:
        path: folder with `transforms_train.json` and `transforms_test.json`; or with
            `transforms.json` alone, of whose frames every eighth is for tests.
        resolution: pixels of the longer edge of a picture.
        extent: half-edge of the scene's cube, in the file's units; None for 1.5, times the
            training file's `aabb_scale` where it has one, as instant-ngp's files do.

    Raises:
        UserError: for a file that is missing or malformed.
    """
    folder = Path(path)
    train, test = _split(folder)
    original = pictures.size(_file(folder, train["frames"][0]))
    shape = pictures.reduced(original, resolution)
    extent = extent or EXTENT * float(train.get("aabb_scale", 1))
    lens = Lens.of(train, original, folder / POSES.format("train"))
    optics = lens.optics.resized(*shape)

    def views(frames: list[dict[str, Any]]) -> Views:
        files = (_file(folder, one) for one in frames)
        read = [pictures.read(file, shape, original, lens.straightened) for file in files]
        return Views(np.stack(read), np.stack([_pose(one, extent) for one in frames]))

    return Dataset(optics, views(train["frames"]), views(test["frames"]))


def _split(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Training and test file, or the halves of the one that there is."""
    files = [folder / POSES.format(split) for split in ("train", "test")]
    if files[0].is_file() or not (folder / WHOLE).is_file():
        train, test = map(_described, files)
        return train, test
    whole = _described(folder / WHOLE)
    frames = sorted(whole["frames"], key=lambda one: str(one["file_path"]))
    tests = frames[::HELD_OUT]
    rest = [one for i, one in enumerate(frames) if i % HELD_OUT]
    if not rest:
        raise UserError(f"{folder / WHOLE} has one frame.", "Two are needed, one for tests.")
    return whole | {"frames": rest}, whole | {"frames": tests}


def _described(path: Path) -> dict[str, Any]:
    """The content of a file of poses, checked."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        known = "fl_x" in found
        angle, frames = 1.0 if known else float(found["camera_angle_x"]), found["frames"]
        poses = [np.shape(one["transform_matrix"]) for one in frames]
        named = all(isinstance(one["file_path"], str) for one in frames)
        scaled = 0 < float(found.get("aabb_scale", 1)) < np.inf
    except FileNotFoundError:
        raise UserError(f"There is no file {path}.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is not in the format of NeRF-synthetic: {error!r}.") from error
    whole = frames and named and scaled and set(poses) == {(4, 4)}
    if not whole or not 0 < angle < np.pi:
        raise UserError(
            f"{path}: expected frames with a file_path and a transform_matrix (4, 4), a "
            "camera_angle_x between 0 and pi, or fl_x, and an aabb_scale above 0, if any."
        )
    check_axes(np.array([one["transform_matrix"] for one in frames], np.float64), path)
    camera: dict[str, Any] = found
    return camera


def _file(folder: Path, frame: dict[str, Any]) -> Path:
    """Names may be written without an ending, which is then .png, and have dots in them."""
    path = folder / str(frame["file_path"])
    return path if path.is_file() else path.with_name(f"{path.name}.png")


def _pose(frame: dict[str, Any], extent: float) -> Floats:
    pose: NDArray[np.float64] = np.array(frame["transform_matrix"], np.float64)
    pose[:3, 3] /= extent
    return pose.astype(np.float32)
