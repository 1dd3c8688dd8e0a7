"""Calls into the C library that Python has no function for. Linux only; elsewhere they raise."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import sys
from typing import Any

PR_SET_PDEATHSIG, PR_GET_DUMPABLE, PR_SET_DUMPABLE = 1, 3, 4  # linux/prctl.h
PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 22, 24, 38

_CAPSET = {"x86_64": 126, "aarch64": 91}  # asm/unistd.h
_CAPABILITY_VERSION = 0x20080522  # linux/capability.h, _LINUX_CAPABILITY_VERSION_3
_CAPABILITIES = 64


def call(function: str, *arguments: Any) -> int:
    """Call a function of the C library that gives -1 and sets errno when it fails.

    Args:
        function: its name.
        arguments: integers, bytes, None or ctypes objects.

    Raises:
        OSError: when it fails, or the system is not Linux.
    """
    if sys.platform != "linux":
        raise OSError(errno.ENOSYS, f"{function} is there on Linux only")
    library = ctypes.CDLL(None, use_errno=True)
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result = getattr(library, function)(*wide)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{function}: {os.strerror(number)}")
    return int(result)


def prctl(option: int, value: Any = 0, further: Any = 0) -> int:
    """Set or read a property of this process.

    Raises:
        OSError: when it fails.
    """
    return call("prctl", option, value, further, 0, 0)


def syscall(number: int, *arguments: Any) -> int:
    """Call a system call by number.

    Raises:
        OSError: when it fails.
    """
    return call("syscall", number, *arguments)


def drop_capabilities() -> None:
    """Give up every capability for good; see capabilities(7).

    Raises:
        OSError: when they cannot be given up.
    """
    for capability in range(_CAPABILITIES):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError:  # past the last one, or there was no right to
            break
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    none = (ctypes.c_uint32 * 6)()
    number = _CAPSET.get(platform.machine())
    if number is None:
        raise OSError(errno.ENOSYS, f"capset is not known for {platform.machine()}")
    syscall(number, ctypes.byref(header), ctypes.byref(none))
