"""Reading files that must be what they claim, and writing files in one piece."""

from __future__ import annotations

import gzip
import hashlib
import os
import uuid
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from leapbench.data.spec import DataFile
from leapbench.errors import UserError

_ANY_SIZE = 1 << 30  # bytes; what a file of no fixed size may unpack to


def existing(root: Path, name: str) -> Path | None:
    """The path of `name` under `root`, unpacked if only that exists, or None."""
    path = root / name
    if path.is_file():
        return path
    plain = path.with_suffix("") if path.suffix == ".gz" else path
    return plain if plain.is_file() else None


def content(root: Path, file: DataFile) -> bytes:
    """Read one declared file, gunzipped, and check its size and checksum.

    Raises:
        UserError: when the file is missing, damaged or not the declared one.
    """
    path = existing(root, file.name)
    if path is None:
        raise UserError(f"{root / file.name} is missing.")
    try:
        data = _read(path, file.bytes or _ANY_SIZE)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path} cannot be read: {error}.", "Fetch it again.") from error
    if file.bytes and len(data) != file.bytes:
        size = f"{len(data)} bytes" if len(data) < file.bytes else "more"
        raise _wrong(path, f"{size} of content where {file.bytes} are expected")
    if file.sha256 and hashlib.sha256(data).hexdigest() != file.sha256:
        raise _wrong(path, "the SHA-256 of its content is not the published one")
    return data


def _read(path: Path, limit: int) -> bytes:
    # One byte past the limit tells "too long" without unpacking a gzip bomb.
    with path.open("rb") as raw:
        if path.suffix != ".gz":
            return raw.read(limit + 1)
        with gzip.GzipFile(fileobj=raw) as unpacked:
            return unpacked.read(limit + 1)


def _wrong(path: Path, what: str) -> UserError:
    return UserError(f"{path} is not the file it should be: {what}.", "Fetch it again.")


def write_atomically(path: Path, write: Callable[[BinaryIO], None]) -> None:
    """Write a file so that others see all of it or nothing, also after a power cut.

    Args:
        path: the file; its folder is made when needed.
        write: called with a binary stream; when it raises, nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not `tempfile`, whose files only their owner may read: caches are shared.
    temporary = path.with_name(f".{path.name}-{uuid.uuid4().hex}")
    try:
        with temporary.open("xb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
