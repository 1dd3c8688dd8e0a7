"""Bounds to what runs in this process: registered parts with a stranger's settings."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from leapbench.errors import DeadlineExceeded


@contextmanager
def bounds(seconds: float, memory: int) -> Iterator[None]:
    """Hold what is inside to wall time and to further memory of this process.

    Args:
        seconds: as for `deadline`.
        memory: bytes beyond what is in use now, on Linux; `MemoryError` and what libraries
            raise in its place end a cell as any error of an agent's.
    """
    if sys.platform != "linux":
        with deadline(seconds):
            yield
        return
    import resource

    before = resource.getrlimit(resource.RLIMIT_DATA)
    most = _data() + memory
    allowed = [limit for limit in (most, *before) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_DATA, (min(allowed), before[1]))
    try:
        with deadline(seconds):
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def _data() -> int:
    """Bytes of this process's own memory, as its limit counts them."""
    lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData:"))


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Raise `DeadlineExceeded` inside when it takes longer.

    Python has to get a turn for that: it ends loops, not one long call into a
    library. Off the main thread, and where the system has no timers, it does nothing.

    Args:
        seconds: of wall time, positive.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(
        signal, "setitimer"
    ):
        yield
        return

    def ring(*_: Any) -> None:
        raise DeadlineExceeded(f"It did not finish within {seconds:g} seconds.")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
