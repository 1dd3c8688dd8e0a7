"""Starts and ends the guest's process, and says how it ended. The host's side."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from leapbench.isolation import hiding, layers, strays
from leapbench.isolation.channel import SLICE, Channel
from leapbench.isolation.failures import ending, size
from leapbench.isolation.frames import ClosedError
from leapbench.isolation.limits import Limits
from leapbench.isolation.output import Tail
from leapbench.isolation.reading import readable
from leapbench.isolation.watch import Watch

GRACE = 2.0  # seconds in which a process that is told to end, or has hung up, must be gone


@dataclass(frozen=True)
class Ending:
    """How a process ended.

    Attributes:
        code: exit code, or minus the signal.
        cpu: CPU seconds of the guest.
    """

    code: int
    cpu: float


class Sandbox:
    """A running guest process with a folder of its own.

    Args:
        limits: what it may use up.
        paths: further folders in which its Python finds packages.

    Attributes:
        channel: the host's end of the channel.
        given: folder that the host writes and the guest reads.
        home: folder that the guest writes; its home and working directory.
    """

    def __init__(self, limits: Limits, paths: Sequence[str] = ()) -> None:
        self._base = Path(tempfile.mkdtemp(prefix="leapbench-guest-"))
        self.given, self.home = self._base / "given", self._base / "home"
        self.given.mkdir()
        self.home.mkdir()
        self._ending: Ending | None = None
        self._token = secrets.token_hex(8)
        self._exposed = False
        ours, theirs = socket.socketpair()
        self._lifeline, line = socket.socketpair()
        try:
            self._popen = self._start(limits, paths, theirs, line)
        except BaseException:
            ours.close()
            self._lifeline.close()
            shutil.rmtree(self._base, ignore_errors=True)
            raise
        finally:
            theirs.close()
            line.close()
        assert self._popen.stdout is not None  # noqa: S101
        self._tail = Tail(self._popen.stdout, limits.output)
        self._watch = Watch(limits, self.home)
        self.channel = Channel(ours, limits.answer, self.tick)

    def _start(
        self, limits: Limits, paths: Sequence[str], channel: socket.socket, line: socket.socket
    ) -> subprocess.Popen[bytes]:
        plan = {
            "channel": channel.fileno(),
            "lifeline": line.fileno(),
            "paths": list(paths),
            "base": str(self._base),
            "home": str(self.home),
            "read": [*readable(paths), str(self.given)],
            "limits": limits.model_dump(mode="json", exclude={"layers"}),
            "layers": sorted(limits.layers),
        }
        # Unbuffered, so that the last words of a process that is killed are not lost.
        entry = ["-I", "-u", "-m", "leapbench.isolation.launch"]
        return subprocess.Popen(  # noqa: S603
            [sys.executable, *entry, json.dumps(plan)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment(self.home) | {strays.VARIABLE: self._token},
            cwd=self.home,
            pass_fds=(channel.fileno(), line.fileno()),
            start_new_session=True,
        )

    @property
    def output(self) -> str:
        """The end of what the guest printed, as a sentence; empty when that was nothing."""
        shown = ending(self._tail.text())
        return f"Its output, of {size(self._tail.total)}, ends: {shown}" if shown else ""

    def started(self) -> None:
        """Note the guest's process id, which the launcher tells; it watches memory and threads.

        Raises:
            ClosedError: when the launcher is gone.
        """
        self._lifeline.settimeout(60)
        with contextlib.suppress(OSError):
            told = self._lifeline.recv(32)
            if told:
                self._watch.follow(int(told))
                return
        raise ClosedError("the guest did not start")

    def expose(self, had: Collection[str]) -> None:
        """Make up, as far as the host can, for layers that the guest does not have.

        Args:
            had: keys of `leapbench.isolation.layers.HAD`.
        """
        if layers.PROCESSES not in had:
            self._exposed = True
            hiding.hide()
        if layers.CALLS not in had:
            self._watch.count_children()

    def tick(self) -> None:
        """Look after the guest.

        Raises:
            ClosedError: when its process is gone, even if the channel is still held open.
            OverLimit: when it holds more than it may; it should be killed.
        """
        if self.poll() is not None:
            raise ClosedError("the guest is gone")
        self._watch.look()

    @property
    def cpu(self) -> float:
        """CPU seconds of the guest so far."""
        ended = self.poll()
        return ended.cpu if ended else self._watch.cpu()

    def poll(self) -> Ending | None:
        """How the guest ended, or None while it runs."""
        if self._ending is None:
            pid, status, usage = os.wait4(self._popen.pid, os.WNOHANG)
            if pid:
                self._popen.returncode = os.waitstatus_to_exitcode(status)
                cpu = usage.ru_utime + usage.ru_stime
                self._ending = Ending(self._popen.returncode, cpu)
        return self._ending

    def wait(self, seconds: float) -> Ending | None:
        """How the guest ended, or None when it still runs after `seconds`."""
        until, pause = time.monotonic() + seconds, 0.001
        while self.poll() is None and time.monotonic() < until:
            time.sleep(pause)
            pause = min(2 * pause, SLICE / 4)
        return self._ending

    def kill(self) -> None:
        """End the guest and all its processes from outside."""
        self._lifeline.close()  # the launcher kills the guest, whatever that has become
        if self.wait(GRACE) is None:
            with contextlib.suppress(OSError):
                os.killpg(self._popen.pid, signal.SIGKILL)
            self.wait(GRACE)
        if self._exposed:
            self._exposed = False
            strays.kill(self._token)
            hiding.show()

    def close(self) -> None:
        """Kill what is left, and remove the folder."""
        self.kill()
        self.channel.close()
        self._tail.close()
        shutil.rmtree(self._base, ignore_errors=True)


def environment(home: Path) -> dict[str, str]:
    """The variables that a guest gets; none of the host's own."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "USER": "guest",
        "TMPDIR": str(home),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "LEAPBENCH_OFFLINE": "1",
    }
