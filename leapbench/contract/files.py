"""The identity of a file: its content."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path


def sha256(file: Path) -> str:
    """SHA-256 of a file, 64 hexadecimal digits; computed again when the file changes.

    Raises:
        OSError: when it cannot be read.
    """
    facts = file.stat()
    return _sha256(file.resolve(), facts.st_size, facts.st_mtime_ns)


@lru_cache(maxsize=64)
def _sha256(file: Path, size: int, changed: int) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
