"""Entry of the guest's process, `python -I -m leapbench.isolation.launch`.

The launcher sets the stage, forks the guest and waits: it kills the guest when
the host hangs up, and ends as the guest ended. It never runs the agent's code.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import shutil
import signal
import socket
import sys
from typing import Any

from leapbench.isolation import layers, namespaces


def main(plan: dict[str, Any]) -> None:
    """Fork the guest and see it through.

    Args:
        plan: what the host decided; see `leapbench.isolation.sandbox`.
    """
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    entered = "namespaces" in plan["layers"] and namespaces.enter()
    bell, ring = os.pipe()  # no thread can be started once a process namespace is entered
    os.set_blocking(ring, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(ring)
    pid = os.fork()
    if pid == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number in (bell, ring, plan["lifeline"]):
            os.close(number)
        os.setsid()
        plan["read"] += [path for path in sys.path if path]  # .pth files may have added some
        _guest(plan, layers.surround(plan, plan["layers"], entered))
    os.close(plan["channel"])
    line = socket.socket(fileno=plan["lifeline"])
    line.sendall(str(pid).encode())
    status = _followed(line, bell, pid)
    if status is None:  # the host may be gone, and nobody else clears up
        shutil.rmtree(plan["base"], ignore_errors=True)
        os._exit(1)
    _end_like(status)


def _followed(line: socket.socket, bell: int, pid: int) -> int | None:
    """Wait for the guest; its wait status, or None when the host hung up and it was killed."""
    waiting: list[Any] = [line, bell]
    while True:
        ready, _, _ = select.select(waiting, [], [])
        if line in ready and _hung_up(line):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return None
        if bell in ready:
            os.read(bell, 64)
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return status


def _hung_up(line: socket.socket) -> bool:
    try:
        return not line.recv(1)
    except OSError:
        return True


def _end_like(status: int) -> None:
    """End this process by the same signal or with the same code."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _guest(plan: dict[str, Any], had: list[str]) -> None:
    sys.path += plan["paths"]
    from leapbench.isolation import guest
    from leapbench.isolation.channel import Channel

    channel = Channel(socket.socket(fileno=plan["channel"]), 2**40)
    channel.send({"ready": had})
    try:
        guest.Guest(channel).serve()
    finally:
        guest.leave()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
