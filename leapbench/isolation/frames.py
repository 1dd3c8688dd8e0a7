"""What a frame may hold: dtypes, bounds, and the check of what it says about its arrays."""

from __future__ import annotations

import math
from typing import Any

DTYPES = frozenset(
    ("|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8")
)
HEADER = 2**18  # bytes of the longest header
ARRAYS, DIMENSIONS = 512, 16


class ChannelError(Exception):
    """The other side does not keep to the protocol."""


class MalformedError(ChannelError):
    """A frame that is none, or one over a limit."""


class ClosedError(ChannelError):
    """The other side is gone, perhaps in the middle of a frame."""


class LateError(ChannelError):
    """The deadline passed first."""


def described(entries: Any, limit: int) -> list[tuple[str, tuple[int, ...], int]]:
    """Dtype, shape and bytes of each array of a frame, all checked.

    Raises:
        MalformedError: when an entry is wrong, or all together are over `limit`.
    """
    if not isinstance(entries, list) or len(entries) > ARRAYS:
        raise MalformedError("the arrays of a message are described wrongly")
    found, total = [], 0
    for entry in entries:
        if not _is_array(entry):
            raise MalformedError("the arrays of a message are described wrongly")
        dtype, shape = entry
        # An empty array may not have a dimension that NumPy refuses either.
        total += int(dtype[2]) * math.prod(max(n, 1) for n in shape)
        if total > limit:
            raise MalformedError(f"a message of {total} bytes, at most {limit} are allowed")
        found.append((dtype, tuple(shape), int(dtype[2]) * math.prod(shape)))
    return found


def _is_array(entry: Any) -> bool:
    match entry:
        case [str(dtype), list(shape)]:
            small = len(shape) <= DIMENSIONS
            return small and dtype in DTYPES and all(type(n) is int and n >= 0 for n in shape)
    return False
