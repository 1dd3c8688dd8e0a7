"""Puts the layers of protection around a guest, each where the machine has it."""

from __future__ import annotations

import contextlib
import math
import os
import resource
import signal
from collections.abc import Collection, Iterable
from typing import Any

from leapbench.isolation import kernel, landlock, namespaces, seccomp

MAPPED = 16 * 2**30  # bytes of address space for libraries; those of CUDA take several GiB

# What a layer gives, in the order of the statement.
LIMITS, NETWORK, PROCESSES, FILES, CALLS = "limits", "network", "processes", "files", "calls"
HAD = {
    LIMITS: "limits of memory, CPU time and files",
    NETWORK: "no network",
    PROCESSES: "no view of other processes",
    FILES: "files: installed packages to read, its own folder to write",
    CALLS: "system calls filtered",
}
LACKED = {
    LIMITS: "memory, CPU time and files have no limit",
    NETWORK: "it can reach the network",
    PROCESSES: "it sees other processes",
    FILES: "it can read and write the user's files",
    CALLS: "system calls are not filtered",
}


def surround(plan: dict[str, Any], layers: Collection[str], entered: bool) -> list[str]:
    """Protect the machine from this process, for good.

    Args:
        plan: limits, folders to read, and the folder to write.
        layers: those that are wanted.
        entered: whether the launcher entered namespaces.

    Returns:
        What was had, keys of `HAD`.
    """
    had = []
    with contextlib.suppress(OSError):
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    if entered:
        had.append(NETWORK)
        with contextlib.suppress(OSError):
            namespaces.seal()
            had.append(PROCESSES)
    if "rlimits" in layers and _limit(plan["limits"], entered):
        had.append(LIMITS)
    with contextlib.suppress(OSError):
        kernel.drop_capabilities()
    if "landlock" in layers:
        with contextlib.suppress(OSError):
            landlock.restrict(plan["read"], [plan["home"], "/dev/null"])
            had.append(FILES)
    if "seccomp" in layers:
        with contextlib.suppress(OSError):
            seccomp.restrict()
            had += [CALLS, NETWORK]
    return sorted(set(had))


def statement(had: Iterable[object]) -> str:
    """One line that says what a guest had and what it had not."""
    got = set(had)
    yes = ["own process", *(text for key, text in HAD.items() if key in got)]
    no = [text for key, text in LACKED.items() if key not in got]
    return ", ".join(yes) + (f"; not protected: {', '.join(no)}" if no else "")


def _limit(limits: dict[str, Any], entered: bool) -> bool:
    """Set the resource limits; False when one could not be set."""
    seconds = math.ceil(limits["cpu"])
    wanted = {
        "RLIMIT_DATA": limits["memory"],
        "RLIMIT_AS": limits["memory"] + MAPPED,
        "RLIMIT_CPU": seconds,
        "RLIMIT_FSIZE": limits["file"],
        "RLIMIT_NOFILE": limits["files"],
    }
    if entered and os.geteuid() != 0:  # elsewhere it counts all processes of the user
        wanted["RLIMIT_NPROC"] = limits["threads"] + 1
    done = True
    for name, value in wanted.items():
        kind = getattr(resource, name)
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(kind, (value, value))
        except (OSError, ValueError):
            done = False
    return done
