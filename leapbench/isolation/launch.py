"""Entry of the guest's process, `python -I -m leapbench.isolation.launch`.

The launcher sets the stage, forks the guest and waits: it kills the guest when
the host hangs up, and ends as the guest ended. It never runs the agent's code.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
from typing import Any


def main(plan: dict[str, Any]) -> None:
    """Fork the guest and see it through.

    Args:
        plan: what the host decided; see `leapbench.isolation.sandbox`.
    """
    had: list[str] = []
    pid = os.fork()
    if pid == 0:
        os.close(plan["lifeline"])
        os.setsid()
        _guest(plan, had)
    os.close(plan["channel"])
    line = socket.socket(fileno=plan["lifeline"])
    line.sendall(str(pid).encode())
    threading.Thread(target=_follow, args=(line, pid), daemon=True).start()
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _follow(line: socket.socket, pid: int) -> None:
    """Kill the guest once the host has hung up or is gone."""
    while line.recv(1):
        pass
    os.kill(pid, signal.SIGKILL)


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
