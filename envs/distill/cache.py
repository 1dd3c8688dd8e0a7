"""Arrays in the user's cache: read when they are whole, made again when they are not."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any
from zipfile import BadZipFile

import numpy as np
import platformdirs
from numpy.typing import NDArray


def folder() -> Path:
    """Where the family keeps what it made: LEAPBENCH_CACHE, or the user's usual place."""
    root = os.environ.get("LEAPBENCH_CACHE") or platformdirs.user_cache_dir("leapbench")
    return Path(root).expanduser() / "distill"


def read(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, NDArray[Any]] | None:
    """Arrays of these shapes; None where there is no such file, or it is damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            found = {name: file[name] for name in shapes}
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None
    good = all(found[name].shape == shape for name, shape in shapes.items())
    return found if good and all(np.isfinite(each).all() for each in found.values()) else None


def write(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    """Write whole or not at all; a cache that cannot be written costs only time."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=path.parent, suffix=".new", delete=False) as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
        Path(file.name).replace(path)
    except OSError:
        return
