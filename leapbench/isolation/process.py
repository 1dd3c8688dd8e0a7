"""Starts and ends the guest's process, watches it, and says how it ended. The host's side."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from tempfile import TemporaryDirectory

import psutil

from leapbench.isolation import sandbox
from leapbench.isolation.channel import SLICE, Channel
from leapbench.isolation.failures import GuestFailed, ending, size
from leapbench.isolation.frames import ClosedError
from leapbench.isolation.limits import Limits
from leapbench.isolation.output import Tail

GRACE = 2.0  # seconds in which a process that is killed must be gone
ENTRY = "import sys; from leapbench.isolation.guest import main; main(*sys.argv[1:])"


class OverLimit(GuestFailed):
    """The guest holds more than it may."""


@dataclass(frozen=True)
class Ending:
    """How a process ended.

    Attributes:
        code: exit code; that of bubblewrap is 128 and the signal for a guest that was killed.
        cpu: CPU seconds of the guest.
    """

    code: int
    cpu: float


class Process:
    """A running guest.

    Args:
        limits: what it may use up.
        modules: modules that it may import beyond those of every guest.

    Attributes:
        channel: the host's end of the channel.

    Raises:
        UserError: when a sandbox is wanted and there is none.
    """

    def __init__(self, limits: Limits, modules: Sequence[str] = ()) -> None:
        self._limits, self._cpu = limits, 0.0
        self._ending: Ending | None = None
        self._home = None if limits.sandbox else TemporaryDirectory(prefix="leapbench-guest-")
        ours, theirs = socket.socketpair()
        try:
            self._popen = sandbox.start(
                ENTRY,
                str(theirs.fileno()),
                json.dumps(limits.resources()),
                home=self._home.name if self._home else "",
                room=limits.folder,
                modules=(*sandbox.MODULES, *modules),
                keep=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        except BaseException:
            ours.close()
            if self._home:
                self._home.cleanup()
            raise
        finally:
            theirs.close()
        assert self._popen.stdout is not None  # noqa: S101
        self._tail = Tail(self._popen.stdout, limits.output)
        self._guest: psutil.Process | None = None
        self.channel = Channel(ours, limits.answer, self.tick)

    def follow(self) -> None:
        """Watch the guest from now on; it has said that it is there."""
        with contextlib.suppress(psutil.Error):
            outer = psutil.Process(self._popen.pid)
            self._guest = next(iter(outer.children()), None) if self._limits.sandbox else outer

    @property
    def output(self) -> str:
        """The end of what the guest printed, as a sentence; empty when that was nothing."""
        shown = ending(self._tail.text())
        return f"Its output, of {size(self._tail.total)}, ends: {shown}" if shown else ""

    def tick(self) -> None:
        """Look after what no resource limit counts: threads and resident memory.

        Raises:
            ClosedError: when its process is gone, even if the channel is still held open.
            OverLimit: when it holds more than it may; it should be killed.
        """
        if self.poll() is not None:
            raise ClosedError("the guest is gone")
        limits, threads, resident = self._limits, 0, 0
        if self._guest is not None:
            with contextlib.suppress(psutil.Error), self._guest.oneshot():
                threads, resident = self._guest.num_threads(), self._guest.memory_info().rss
        if threads > limits.threads:
            raise OverLimit(
                f"The agent has {threads} threads, at most {limits.threads} are allowed."
            )
        if resident > limits.memory:
            raise OverLimit(f"The agent used more than its {size(limits.memory)} of memory.")

    @property
    def cpu(self) -> float:
        """CPU seconds of the guest so far."""
        if self._ending is None and self._guest is not None:
            with contextlib.suppress(psutil.Error):
                times = self._guest.cpu_times()
                self._cpu = float(times.user + times.system)
        return self._ending.cpu if self._ending else self._cpu

    def poll(self) -> Ending | None:
        """How the guest ended, or None while it runs."""
        if self._ending is None:
            pid, status, usage = os.wait4(self._popen.pid, os.WNOHANG)
            if pid:
                self._popen.returncode = os.waitstatus_to_exitcode(status)
                # That of a guest that was killed with its sandbox is not in it.
                cpu = max(self._cpu, usage.ru_utime + usage.ru_stime)
                self._ending = Ending(self._popen.returncode, cpu)
        return self._ending

    def wait(self, seconds: float) -> Ending | None:
        """How the guest ended, or None when it still runs after `seconds`."""
        until, pause = time.monotonic() + seconds, 0.001
        while self.poll() is None and time.monotonic() < until:
            time.sleep(pause)
            pause = min(2 * pause, SLICE / 4)
        return self._ending

    def close(self) -> None:
        """Kill what is left."""
        if self.poll() is None and self.cpu >= 0:  # the last look at its CPU seconds
            with contextlib.suppress(OSError):
                os.killpg(self._popen.pid, signal.SIGKILL)
            self.wait(GRACE)
        self.channel.close()
        self._tail.close()
        if self._home:
            self._home.cleanup()
