"""What a saved part may consist of: formats that run no code when they are read."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np


def unsafe(file: Path) -> str | None:
    """Why a file must not be loaded from strangers, or None when it may be.

    A file is judged by its content: it must be what its name says, and that
    must be JSON, safetensors, or NumPy arrays without objects.
    """
    if file.suffix not in _READERS:
        return f"is not one of {', '.join(_READERS)}"
    try:
        _READERS[file.suffix](file)
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        return f"is not plain {file.suffix.removeprefix('.')}: {error}"
    return None


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below `folder`: relative path to bytes."""
    files = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def _json(file: Path) -> None:
    json.loads(file.read_text(encoding="utf-8"))


def _array(file: Path) -> None:
    np.load(file, allow_pickle=False)


def _arrays(file: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        odd = [name for name in archive.namelist() if not name.endswith(".npy")]
    if odd:
        raise ValueError(f"it holds {odd[0]!r}")
    with np.load(file, allow_pickle=False) as loaded:
        for name in loaded.files:
            loaded[name]


def _tensors(file: Path) -> None:
    """The header of the format: its length, 8 bytes little-endian, then JSON."""
    data = file.read_bytes()
    length = int.from_bytes(data[:8], "little")
    if length > len(data) - 8:
        raise ValueError("its header is longer than the file")
    json.loads(data[8 : 8 + length])


_READERS: dict[str, Callable[[Path], None]] = {
    ".json": _json,
    ".npy": _array,
    ".npz": _arrays,
    ".safetensors": _tensors,
}
