"""A filter of system calls: no processes, no programs, no sockets, no look into others.

The filter is a classic BPF program (linux/filter.h, linux/seccomp.h). Threads
stay allowed. What is denied fails with EPERM, so that the agent's file gives a
`PermissionError` with a line number and not a dead process.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct

from leapbench.isolation import kernel

MODE_FILTER = 2
ALLOW, ERRNO, KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
LOAD, JUMP_EQUAL, JUMP_AT_LEAST, JUMP_SET, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data
CLONE_THREAD = 0x00010000
X32 = 0x40000000  # numbers of x86-64's second calling convention
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # linux/audit.h

# Numbers from asm/unistd_64.h (x86-64) and asm-generic/unistd.h (aarch64).
COMMON = {
    "pidfd_send_signal": 424, "io_uring_setup": 425, "io_uring_enter": 426,
    "io_uring_register": 427, "open_tree": 428, "move_mount": 429, "fsopen": 430,
    "fsconfig": 431, "fsmount": 432, "fspick": 433, "pidfd_open": 434, "pidfd_getfd": 438,
    "process_madvise": 440, "mount_setattr": 442,
}  # fmt: skip
DENIED = {
    "x86_64": COMMON | {
        "socket": 41, "connect": 42, "bind": 49, "listen": 50, "socketpair": 53, "fork": 57,
        "vfork": 58, "execve": 59, "ptrace": 101, "rt_sigqueueinfo": 129, "pivot_root": 155,
        "chroot": 161, "acct": 163, "settimeofday": 164, "mount": 165, "umount2": 166,
        "swapon": 167, "swapoff": 168, "reboot": 169, "init_module": 175, "delete_module": 176,
        "quotactl": 179, "tkill": 200, "clock_settime": 227, "kexec_load": 246, "add_key": 248,
        "request_key": 249, "keyctl": 250, "unshare": 272, "rt_tgsigqueueinfo": 297,
        "perf_event_open": 298, "fanotify_init": 300, "open_by_handle_at": 304, "setns": 308,
        "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "finit_module": 313,
        "memfd_create": 319, "kexec_file_load": 320, "bpf": 321, "execveat": 322,
        "userfaultfd": 323,
    },
    "aarch64": COMMON | {
        "umount2": 39, "mount": 40, "pivot_root": 41, "chroot": 51, "quotactl": 60, "acct": 89,
        "unshare": 97, "kexec_load": 104, "init_module": 105, "delete_module": 106,
        "clock_settime": 112, "ptrace": 117, "tkill": 130, "rt_sigqueueinfo": 138, "reboot": 142,
        "settimeofday": 170, "socket": 198, "socketpair": 199, "bind": 200, "listen": 201,
        "connect": 203, "add_key": 217, "request_key": 218, "keyctl": 219, "execve": 221,
        "swapon": 224, "swapoff": 225, "rt_tgsigqueueinfo": 240, "perf_event_open": 241,
        "fanotify_init": 262, "open_by_handle_at": 265, "setns": 268, "process_vm_readv": 270,
        "process_vm_writev": 271, "kcmp": 272, "finit_module": 273, "memfd_create": 279,
        "bpf": 280, "execveat": 281, "userfaultfd": 282, "kexec_file_load": 294,
    },
}  # fmt: skip
CLONE = {"x86_64": 56, "aarch64": 220}
CLONE3 = 435
SIGNALS = {"x86_64": (62, 234), "aarch64": (129, 131)}  # kill, tgkill


def restrict() -> None:
    """Filter this thread's system calls, and those of the threads it starts, for good.

    Raises:
        OSError: where the kernel has no seccomp or the machine is not known.
    """
    code = program(platform.machine(), os.getpid())
    buffer = ctypes.create_string_buffer(code, len(code))
    lines = struct.pack("HP", len(code) // 8, ctypes.addressof(buffer))  # struct sock_fprog
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    kernel.prctl(kernel.PR_SET_SECCOMP, MODE_FILTER, ctypes.c_char_p(lines))


def program(machine: str, pid: int) -> bytes:
    """The filter, 8 bytes an instruction.

    Args:
        machine: as `platform.machine` gives it.
        pid: the process itself, which alone may be sent signals.

    Raises:
        OSError: when the machine is not known.
    """
    if machine not in AUDIT:
        raise OSError(errno.ENOSYS, f"no system call numbers for {machine}")
    refuse = _line(RETURN, ERRNO | errno.EPERM)
    lines = [
        _line(LOAD, ARCHITECTURE),
        _line(JUMP_EQUAL, AUDIT[machine], 1, 0),
        _line(RETURN, KILL_PROCESS),
        _line(LOAD, NUMBER),
    ]
    if machine == "x86_64":
        lines += [_line(JUMP_AT_LEAST, X32, 0, 1), refuse]
    for number in sorted(DENIED[machine].values()):
        lines += [_line(JUMP_EQUAL, number, 0, 1), refuse]
    # The C library falls back to clone, whose flags a filter can read.
    lines += [_line(JUMP_EQUAL, CLONE3, 0, 1), _line(RETURN, ERRNO | errno.ENOSYS)]
    lines += _only_if(CLONE[machine], _line(JUMP_SET, CLONE_THREAD, 0, 1))
    for number in SIGNALS[machine]:
        lines += _only_if(number, _line(JUMP_EQUAL, pid, 0, 1))
    return b"".join([*lines, _line(RETURN, ALLOW)])


def _only_if(number: int, test: bytes) -> list[bytes]:
    """Allow a system call only when `test` holds for its first argument."""
    return [
        _line(JUMP_EQUAL, number, 0, 4),
        _line(LOAD, FIRST_ARGUMENT),  # the low half; both machines are little-endian
        test,
        _line(RETURN, ALLOW),
        _line(RETURN, ERRNO | errno.EPERM),
    ]


def _line(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, value)
