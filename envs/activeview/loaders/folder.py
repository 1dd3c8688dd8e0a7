"""Which format a folder has."""

from __future__ import annotations

from pathlib import Path

from leapbench.envs.activeview.loaders import blender, llff
from leapbench.envs.activeview.loaders.photographs import Dataset
from leapbench.errors import UserError


def load(path: str | Path, resolution: int) -> Dataset:
    """Read a folder in one of the formats, distinguished by the files that hold the poses.

    Args:
        path: the folder of one scene.
        resolution: pixels of the longer edge of a picture.

    Raises:
        UserError: for a folder in none of them, or one that cannot be read.
    """
    folder = Path(path)
    named = (blender.POSES.format("train"), blender.WHOLE)
    if any((folder / name).is_file() for name in named):
        return blender.from_blender(folder, resolution)
    if (folder / llff.POSES).is_file():
        return llff.from_llff(folder, resolution)
    raise UserError(
        f"{folder} has neither {named[0]} (NeRF-synthetic), {named[1]} (instant-ngp) nor "
        f"{llff.POSES} (LLFF).",
        "Name the folder of one scene.",
    )
