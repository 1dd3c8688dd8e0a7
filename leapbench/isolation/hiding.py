"""Keeps this process's memory from others of the same user while guests need it so.

A guest that shares the host's view of processes could read the host's memory
through /proc or ptrace, where the test seeds are. A process that is not
dumpable is closed to both; see PR_SET_DUMPABLE in prctl(2).
"""

from __future__ import annotations

import contextlib
import threading

from leapbench.isolation import kernel

_lock = threading.Lock()
_guests = 0
_before = 1


def hide() -> None:
    """Close this process until `show` was called as often; nothing where it is not Linux."""
    global _guests, _before
    with _lock, contextlib.suppress(OSError):
        if _guests == 0:
            _before = kernel.prctl(kernel.PR_GET_DUMPABLE)
            kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
        _guests += 1


def show() -> None:
    """Take back one `hide`."""
    global _guests
    with _lock, contextlib.suppress(OSError):
        _guests = max(_guests - 1, 0)
        if _guests == 0 and _before == 1:  # other values cannot be set
            kernel.prctl(kernel.PR_SET_DUMPABLE, 1)
