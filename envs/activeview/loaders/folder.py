"""Which format a folder has."""

from __future__ import annotations

from pathlib import Path

from leapbench.envs.activeview.loaders import blender, llff
from leapbench.envs.activeview.loaders.photographs import Dataset
from leapbench.errors import UserError


def load(path: str | Path, resolution: int) -> Dataset:
    """Read a folder in either format, distinguished by the files that hold the poses.

    Args:
        path: the folder of one scene.
        resolution: pixels of the longer edge of a picture.

    Raises:
        UserError: for a folder in neither format, or one that cannot be read.
    """
    folder = Path(path)
    if (folder / blender.POSES.format("train")).is_file():
        return blender.from_blender(folder, resolution)
    if (folder / llff.POSES).is_file():
        return llff.from_llff(folder, resolution)
    raise UserError(
        f"{folder} has neither {blender.POSES.format('train')} (NeRF-synthetic) nor "
        f"{llff.POSES} (LLFF).",
        "Name the folder of one scene.",
    )
