"""Reads a file of the user's once, and checks its size and its SHA-256."""

from __future__ import annotations

import hashlib
from pathlib import Path

from leapbench.errors import UserError

LIMIT = 256 * 2**20
"""Largest file, bytes."""


def read(path: str, sha256: str, limit: int = LIMIT) -> bytes:
    """The content of a file.

    Args:
        path: the file.
        sha256: what its SHA-256 must be, 64 hexadecimal digits; "" for any.
        limit: largest size, bytes.

    Raises:
        UserError: when it is not there, too large, or not the one that was declared.
    """
    file = Path(path)
    if not file.is_file():
        raise UserError(f"There is no file {path!r}.")
    with file.open("rb") as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise UserError(f"{path} is larger than the {limit:,} bytes that are read.")
    if sha256 not in ("", hashlib.sha256(data).hexdigest()):
        raise UserError(f"{path} has changed since this run began.")
    return data
