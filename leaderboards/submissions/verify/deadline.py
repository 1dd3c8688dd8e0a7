"""An end to what runs in this process, for registered parts with a stranger's settings."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from leapbench.errors import DeadlineExceeded


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
