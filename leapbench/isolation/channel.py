"""Framed messages between host and guest: a JSON header and raw arrays, nothing pickled.

A frame is a prefix (magic and header length), the header (JSON, an object) and
the bytes of its arrays, C order, little-endian, in the order of the header's
"arrays" entry of dtypes and shapes. Both sides check what they read; the host
trusts no number in a frame before it has compared it with a limit.
"""

from __future__ import annotations

import json
import math
import socket
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from leapbench.isolation.frames import (
    DTYPES,
    HEADER,
    ClosedError,
    LateError,
    MalformedError,
    described,
)

BUFFER = 2 * HEADER
SLICE = 0.2  # seconds between two looks around
_PREFIX = struct.Struct("<4sI")
_MAGIC = b"leap"
_encode = json.JSONEncoder(separators=(",", ":")).encode
_decode = json.JSONDecoder().decode


@dataclass
class Message:
    """One frame: a JSON object and its arrays, which own their memory and are writable."""

    header: dict[str, Any]
    arrays: list[np.ndarray] = field(default_factory=list)


class Channel:
    """One end of a connected stream socket.

    Args:
        sock: the socket; closed by `close`.
        limit: bytes of arrays accepted in one frame.
        tick: called about every 0.2 s; what it raises ends the wait.
    """

    def __init__(
        self, sock: socket.socket, limit: int, tick: Callable[[], None] | None = None
    ) -> None:
        self._sock, self._limit, self._tick = sock, limit, tick
        # Timeouts of the kernel's: those of Python cost a call of poll for each read.
        timeout = struct.pack("ll", 0, int(1e6 * SLICE))
        self._sock.setblocking(True)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeout)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeout)
        self._buffer = bytearray(BUFFER)
        self._view = memoryview(self._buffer)
        self._start = self._end = 0
        self._looked = 0.0

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()

    def send(
        self, header: dict[str, Any], arrays: Sequence[np.ndarray] = (), deadline: float = math.inf
    ) -> None:
        """Send one frame, in one system call where the socket takes it.

        Args:
            header: JSON data; the entry "arrays" is added.
            arrays: of the allowed dtypes, any memory order.
            deadline: on `time.monotonic`.

        Raises:
            TypeError: for an array of another dtype.
            ValueError: for a header that is too long.
            ClosedError: when the other side is gone.
            LateError: when it does not read.
        """
        if arrays:
            arrays = [np.ascontiguousarray(a) if a.ndim else a for a in arrays]
            for array in arrays:
                if array.dtype.str not in DTYPES:
                    raise TypeError(f"arrays of {array.dtype} cannot be sent")
            header = header | {"arrays": [[a.dtype.str, a.shape] for a in arrays]}
        text = _encode(header).encode()
        if len(text) > HEADER:
            raise ValueError(f"a header of {len(text)} bytes, at most {HEADER} can be sent")
        parts: list[Any] = [_PREFIX.pack(_MAGIC, len(text)) + text]
        parts += [a.reshape(-1).view(np.uint8).data for a in arrays if a.size]
        while parts:
            parts = _rest(parts, self._write(parts, deadline))

    def receive(self, deadline: float = math.inf) -> Message:
        """Wait for one frame.

        Args:
            deadline: on `time.monotonic`, for the whole frame.

        Raises:
            MalformedError: when what arrives is no frame, or is over a limit.
            ClosedError: when the other side is gone.
            LateError: after the deadline.
        """
        magic, size = _PREFIX.unpack(self._short(_PREFIX.size, deadline))
        if magic != _MAGIC or size > HEADER:
            raise MalformedError("what was sent is no message")
        try:
            header = _decode(self._short(size, deadline).decode())
        except (ValueError, RecursionError) as error:
            raise MalformedError("the header of a message is not JSON") from error
        if not isinstance(header, dict):
            raise MalformedError("the header of a message is not a JSON object")
        listed = header.pop("arrays", None)
        if listed is None:
            return Message(header)
        shapes = described(listed, self._limit)
        return Message(header, [self._array(*each, deadline) for each in shapes])

    def _array(self, dtype: str, shape: tuple[int, ...], size: int, deadline: float) -> np.ndarray:
        flat = self._take(size, deadline)
        if dtype == "|b1":  # NumPy relies on a bool being 0 or 1
            flat = flat != 0
        return flat.view(dtype).reshape(shape)

    def _short(self, size: int, deadline: float) -> bytes:
        """The next `size` bytes, at most `HEADER`."""
        if self._start == self._end:
            self._start = self._end = 0
        while self._end - self._start < size:
            if self._start + size > BUFFER:
                left = self._end - self._start
                self._view[:left] = self._view[self._start : self._end]
                self._start, self._end = 0, left
            self._end += self._read(self._view[self._end :], deadline)
        self._start += size
        return bytes(self._view[self._start - size : self._start])

    def _take(self, size: int, deadline: float) -> np.ndarray:
        """The next `size` bytes, uint8."""
        out = np.empty(size, np.uint8)
        into, done = out.data, 0
        while done < size:
            if self._start == self._end and size - done >= BUFFER:
                done += self._read(into[done:], deadline)
                continue
            if self._start == self._end:
                self._start, self._end = 0, self._read(self._view, deadline)
            more = min(size - done, self._end - self._start)
            into[done : done + more] = self._view[self._start : self._start + more]
            self._start, done = self._start + more, done + more
        return out

    def _read(self, into: memoryview, deadline: float) -> int:
        while True:
            self._look(deadline)
            try:
                count = self._sock.recv_into(into)
            except BlockingIOError:
                continue
            except OSError as error:
                raise ClosedError("the other side is gone") from error
            if count == 0:
                raise ClosedError("the other side is gone")
            return count

    def _write(self, parts: Sequence[Any], deadline: float) -> int:
        while True:
            self._look(deadline)
            try:
                return self._sock.sendmsg(parts)
            except BlockingIOError:
                continue
            except OSError as error:
                raise ClosedError("the other side is gone") from error

    def _look(self, deadline: float) -> None:
        """Before each system call, so that a trickle of bytes wins no time."""
        now = time.monotonic()
        if now >= deadline:
            raise LateError("the deadline has passed")
        if self._tick is not None and now - self._looked >= SLICE:
            self._looked = now
            self._tick()


def _rest(parts: list[Any], sent: int) -> list[Any]:
    """What is left of `parts` after the first `sent` bytes."""
    while parts and sent >= len(parts[0]):
        sent -= len(parts[0])
        parts = parts[1:]
    return [memoryview(parts[0])[sent:], *parts[1:]] if sent else parts
