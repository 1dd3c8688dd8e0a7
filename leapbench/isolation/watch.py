"""Looks after what no resource limit counts: threads, resident memory, a folder's size."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from leapbench.isolation.failures import GuestFailed, size
from leapbench.isolation.limits import Limits


class OverLimit(GuestFailed):
    """The guest holds more than it may."""


class Watch:
    """Compares a running guest with its limits.

    Args:
        limits: the limits.
        home: the guest's folder.
    """

    def __init__(self, limits: Limits, home: Path) -> None:
        self._limits, self._home = limits, home
        self._process: object = None
        self._children = False

    def follow(self, pid: int) -> None:
        """Name the process to look at."""
        import psutil

        with contextlib.suppress(psutil.Error):
            self._process = psutil.Process(pid)

    def cpu(self) -> float:
        """CPU seconds of the process so far; 0 once it is gone."""
        import psutil

        if not isinstance(self._process, psutil.Process):
            return 0.0
        try:
            times = self._process.cpu_times()
        except (psutil.Error, OSError):
            return 0.0
        return float(times.user + times.system)

    def count_children(self) -> None:
        """Look for processes that it starts too, where the system does not refuse them."""
        self._children = True

    def look(self) -> None:
        """Compare once.

        Raises:
            OverLimit: for the first limit that is passed.
        """
        limits = self._limits
        threads, resident, children = self._held()
        if children:
            raise OverLimit("The agent started another process; only threads are allowed.")
        if threads > limits.threads:
            raise OverLimit(
                f"The agent has {threads} threads, at most {limits.threads} are allowed."
            )
        if resident > limits.memory:
            raise OverLimit(f"The agent used more than its {size(limits.memory)} of memory.")
        self.measure()

    def measure(self) -> None:
        """Compare the folder alone.

        Raises:
            OverLimit: when it holds too much.
        """
        total, count = usage(self._home, self._limits.count)
        if total > self._limits.folder:
            raise OverLimit(f"The agent wrote more than the {size(self._limits.folder)} allowed.")
        if count > self._limits.count:
            raise OverLimit(f"The agent wrote more than the {self._limits.count} files allowed.")

    def _held(self) -> tuple[int, int, int]:
        """Threads, resident bytes and children; zeros once the process is gone."""
        import psutil

        if not isinstance(self._process, psutil.Process):
            return 0, 0, 0
        try:
            with self._process.oneshot():
                children = len(self._process.children()) if self._children else 0
                return self._process.num_threads(), self._process.memory_info().rss, children
        except (psutil.Error, OSError):
            return 0, 0, 0


def usage(folder: Path, most: int) -> tuple[int, int]:
    """Bytes on disk and entries below `folder`; stops once there are more than `most` entries."""
    total = count = 0
    waiting = [str(folder)]
    while waiting and count <= most:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    count += 1
                    if count > most:
                        break
                    with contextlib.suppress(OSError):
                        total += 512 * entry.stat(follow_symlinks=False).st_blocks
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError:
            continue
    return total, count
