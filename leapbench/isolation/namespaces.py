"""Namespaces of the guest's own: no network, no other processes, no shared memory.

Works for root and, where the kernel lets ordinary users make user namespaces,
for everybody. The launcher enters them; the first process in them seals them.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from leapbench.isolation import kernel

# linux/sched.h
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
ALL = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET

MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 2, 4, 8, 0x4000, 0x40000  # linux/mount.h


def enter() -> bool:
    """Move this process, which must have one thread, into new namespaces.

    The process namespace begins with the next child. The user keeps its number
    and loses every right outside.

    Returns:
        Whether the machine lets it; if not, nothing has changed.
    """
    user, group = os.geteuid(), os.getegid()
    try:
        kernel.call("unshare", ALL)
    except OSError:
        return False
    own = Path("/proc/self")
    lines = {"setgroups": "deny", "uid_map": f"{user} {user} 1", "gid_map": f"{group} {group} 1"}
    for name, line in lines.items():
        with contextlib.suppress(OSError):  # the number then reads as nobody's; no right is won
            (own / name).write_text(line)
    return True


def seal() -> None:
    """Replace /proc by that of the new process namespace; call as its first process.

    Raises:
        OSError: when the machine does not let it.
    """
    kernel.call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    kernel.call("mount", b"proc", b"/proc", b"proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, None)
