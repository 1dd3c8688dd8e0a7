"""Landlock: which files a process may read and write, from now on and for good.

Constants and structures are those of linux/landlock.h.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
from collections.abc import Iterable
from pathlib import Path

from leapbench.isolation import kernel

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # on every architecture
CREATE_RULESET_VERSION = 1
RULE_PATH_BENEATH = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
REMOVE_DIR, REMOVE_FILE, MAKE_DIR, MAKE_REG = 1 << 4, 1 << 5, 1 << 7, 1 << 8
MAKE_SYM, REFER, TRUNCATE, IOCTL_DEV = 1 << 12, 1 << 13, 1 << 14, 1 << 15
READ = READ_FILE | READ_DIR
OWN = READ | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | MAKE_SYM | REFER
OWN |= TRUNCATE
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV

# Rights that each version of the interface added, by the version.
FILES = {1: (1 << 13) - 1, 2: REFER, 3: TRUNCATE, 5: IOCTL_DEV}
NETWORK = {4: 0b11}  # TCP: bind, connect
SCOPES = {6: 0b11}  # abstract Unix sockets and signals to processes outside


def version() -> int:
    """Version of the kernel's interface; 0 where there is none."""
    try:
        return kernel.syscall(CREATE_RULESET, None, 0, CREATE_RULESET_VERSION)
    except OSError:
        return 0


def restrict(read: Iterable[str], write: Iterable[str]) -> None:
    """Deny this process every file but the given ones.

    Args:
        read: files and folders that may be read, with all below; absent ones are skipped.
        write: files and folders that may be written and read.

    Raises:
        OSError: where the kernel has no Landlock.
    """
    abi = version()
    handled = _rights(FILES, abi)
    attributes = struct.pack("<QQQ", handled, _rights(NETWORK, abi), _rights(SCOPES, abi))
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    ruleset = kernel.syscall(CREATE_RULESET, ctypes.c_char_p(attributes), size, 0)
    try:
        for rights, paths in ((READ, read), (OWN, write)):
            for path in paths:
                with contextlib.suppress(FileNotFoundError, PermissionError):
                    _allow(ruleset, path, rights & handled)
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        kernel.syscall(RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not Path(path).is_dir():
            rights &= OF_FILES
        rule = struct.pack("<Qi", rights, place)
        kernel.syscall(ADD_RULE, ruleset, RULE_PATH_BENEATH, ctypes.c_char_p(rule), 0)
    finally:
        os.close(place)


def _rights(added: dict[int, int], abi: int) -> int:
    return sum(rights for since, rights in added.items() if since <= abi)
