"""Drains what a guest prints, and keeps the end of it."""

from __future__ import annotations

import os
import threading
from typing import IO

CHUNK = 2**18


class Tail:
    """Reads a pipe to its end in a thread; memory stays bounded whatever is printed.

    Args:
        pipe: what the guest prints to.
        limit: bytes kept.
    """

    def __init__(self, pipe: IO[bytes], limit: int) -> None:
        self._pipe, self._limit = pipe, limit
        self._kept, self._total = b"", 0
        self._thread = threading.Thread(target=self._drain, daemon=True)
        self._thread.start()

    def text(self) -> str:
        """What was printed last, after at most a moment's wait for it to arrive."""
        self._thread.join(0.2)
        return self._kept.decode("utf-8", "replace")

    @property
    def total(self) -> int:
        """Bytes printed so far."""
        return self._total

    def close(self) -> None:
        """Wait for the end of the pipe and close it."""
        self._thread.join(1.0)
        if not self._thread.is_alive():
            self._pipe.close()

    def _drain(self) -> None:
        number = self._pipe.fileno()
        while True:
            try:
                chunk = os.read(number, CHUNK)
            except OSError:
                return
            if not chunk:
                return
            self._total += len(chunk)
            self._kept = (self._kept + chunk)[-self._limit :] if self._limit else b""
