"""LLFF: `poses_bounds.npy` and a folder `images`, or one of smaller copies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.activeview.cameras import Floats, Optics
from leapbench.envs.activeview.capture import Views
from leapbench.envs.activeview.loaders import pictures
from leapbench.envs.activeview.loaders.axes import check_axes
from leapbench.envs.activeview.loaders.photographs import Dataset
from leapbench.errors import UserError

POSES = "poses_bounds.npy"
HELD_OUT = 8
"""Every such photograph is for testing, beginning with the first (arXiv 2003.08934)."""
UPRIGHT = np.array([[1, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
"""From a camera's axes to a world whose z points up, seen along y."""
FOLDERS = ("images", "images_2", "images_4", "images_8")
ENDINGS = (".jpg", ".jpeg", ".png")

Doubles = NDArray[np.float64]


def from_llff(path: str | Path, resolution: int, held_out: int = HELD_OUT) -> Dataset:
    """Read a forward-facing scene in the format of LLFF (arXiv 1905.00889).

    Poses are centred and scaled, and not made spherical: seen from the average camera,
    the point straight ahead at the focus depth becomes the middle of the box, and what
    the widest picture shows at that depth becomes as wide as the box; that camera looks
    along y, and z is its way up. The focus depth is
    LLFF's, 1 / (0.25 / near + 0.75 / far) of 0.9 times the nearest and 5 times the
    furthest bound. What lies beyond the box has to be painted on its rear wall. The
    first camera's size and focal length count for all.

    Args:
        path: folder with `poses_bounds.npy` and `images`, or with smaller copies in
            `images_2`, `images_4` or `images_8`, of which the first that is there is read.
        resolution: pixels of the longer edge of a picture.
        held_out: every such photograph is a test view.

    Raises:
        UserError: for a file that is missing or malformed.
    """
    folder = Path(path)
    table, files = _table(folder / POSES), _pictures(folder)
    check_axes(_opengl(table), folder / POSES)
    if len(table) != len(files):
        raise UserError(f"{POSES} has {len(table)} poses for {len(files)} pictures in {folder}.")
    original = pictures.size(files[0])
    shape = pictures.reduced(original, resolution)
    optics = _optics(table[0], original)
    images = np.stack([pictures.read(file, shape, original) for file in files])
    poses = _boxed(_opengl(table), table[:, 15:], optics)
    test = np.arange(len(files)) % held_out == 0
    return Dataset(
        optics.resized(*shape), Views(images[~test], poses[~test]), Views(images[test], poses[test])
    )


def _table(path: Path) -> Doubles:
    """Rows of 17 numbers: a matrix (3, 5) of rotation, position and size, and two depths."""
    try:
        table: Doubles = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise UserError(f"There is no file {path}.") from None
    except (ValueError, OSError, EOFError) as error:
        raise UserError(f"{path} is not an array: {error}.") from error
    good = isinstance(table, np.ndarray) and table.ndim == 2 and table.shape[1] == 17
    if not good or table.dtype.kind not in "iuf" or not np.isfinite(table).all():
        raise UserError(f"{path}: expected finite numbers (N, 17).")
    if not (len(table) and (table[:, 15] > 0).all() and (table[:, [4, 9, 14]] > 0).all()):
        raise UserError(f"{path}: sizes, focal lengths and depths must be positive.")
    return np.asarray(table, np.float64)


def _pictures(scene: Path) -> list[Path]:
    there = (scene / name for name in FOLDERS if (scene / name).is_dir())
    folder = next(there, None)
    if folder is None:
        raise UserError(f"There is no folder {scene / FOLDERS[0]}, nor {', '.join(FOLDERS[1:])}.")

    def good(file: Path) -> bool:
        return file.suffix.lower() in ENDINGS and not file.name.startswith(".")

    return sorted(file for file in folder.iterdir() if good(file))


def _optics(row: Doubles, original: tuple[int, int]) -> Optics:
    """The file's focal length is for the size that the file names."""
    height, width, focal = row[:15].reshape(3, 5)[:, 4]
    named = Optics((focal, focal, width / 2, height / 2), round(height), round(width))
    return named.resized(*original)


def _opengl(table: Doubles) -> Doubles:
    """Poses (N, 4, 4); LLFF's axes are down, right and backwards."""
    matrices = table[:, :15].reshape(-1, 3, 5)
    down, right, back, place = (matrices[:, :, i] for i in range(4))
    poses = np.tile(np.eye(4), (len(table), 1, 1))
    poses[:, :3] = np.stack((right, -down, back, place), axis=-1)
    return poses


def _boxed(poses: Doubles, depths: Doubles, optics: Optics) -> Floats:
    """Poses in the frame of the average camera, moved and scaled to the box."""
    near, far = 0.9 * depths.min(), 5.0 * depths.max()
    focus = 1 / (0.25 / near + 0.75 / far)
    moved = np.linalg.inv(_average(poses)) @ poses
    moved[:, 2, 3] += focus
    fx, fy, _, _ = optics.intrinsics
    moved[:, :3, 3] /= focus * max(optics.width / fx, optics.height / fy) / 2
    return (UPRIGHT @ moved).astype(np.float32)


def _average(poses: Doubles) -> Doubles:
    """The camera in the middle: mean position, mean direction, mean upwards made square to it."""
    back, up = poses[:, :3, 2].sum(axis=0), poses[:, :3, 1].sum(axis=0)
    back /= np.linalg.norm(back)
    right = np.cross(up, back)
    right /= np.linalg.norm(right)
    average = np.eye(4)
    average[:3] = np.stack((right, np.cross(back, right), back, poses[:, :3, 3].mean(axis=0)), -1)
    return average
