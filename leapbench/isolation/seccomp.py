"""The filter of system calls that bubblewrap loads: no processes, sockets, mounts, or look around.

A classic BPF program (linux/filter.h, linux/seccomp.h). Threads stay allowed. What is
denied fails with EPERM, so that the agent's file gives a `PermissionError` with a line
number and not a dead process. `execve` stays: bubblewrap starts the guest with it, and
the sandbox holds no other program.
"""

from __future__ import annotations

import errno
import struct

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
    "process_madvise": 440, "mount_setattr": 442, "landlock_create_ruleset": 444,
}  # fmt: skip
DENIED = {
    "x86_64": COMMON | {
        "shmget": 29, "shmat": 30, "shmctl": 31, "socket": 41, "connect": 42, "bind": 49,
        "listen": 50, "socketpair": 53, "fork": 57, "vfork": 58, "semget": 64, "semop": 65,
        "semctl": 66, "shmdt": 67, "msgget": 68, "msgsnd": 69, "msgrcv": 70, "msgctl": 71,
        "ptrace": 101, "pivot_root": 155, "chroot": 161, "acct": 163, "settimeofday": 164,
        "mount": 165, "umount2": 166, "swapon": 167, "swapoff": 168, "reboot": 169,
        "init_module": 175, "delete_module": 176, "quotactl": 179, "clock_settime": 227,
        "mq_open": 240, "kexec_load": 246, "add_key": 248, "request_key": 249, "keyctl": 250,
        "inotify_init": 253, "unshare": 272, "inotify_init1": 294, "perf_event_open": 298,
        "fanotify_init": 300, "open_by_handle_at": 304, "setns": 308, "process_vm_readv": 310,
        "process_vm_writev": 311, "kcmp": 312, "finit_module": 313, "memfd_create": 319,
        "kexec_file_load": 320, "bpf": 321, "execveat": 322, "userfaultfd": 323,
    },
    "aarch64": COMMON | {
        "inotify_init1": 26, "umount2": 39, "mount": 40, "pivot_root": 41, "chroot": 51,
        "quotactl": 60, "acct": 89, "unshare": 97, "kexec_load": 104, "init_module": 105,
        "delete_module": 106, "clock_settime": 112, "ptrace": 117, "reboot": 142,
        "settimeofday": 170, "mq_open": 180, "msgget": 186, "msgctl": 187, "msgrcv": 188,
        "msgsnd": 189, "semget": 190, "semctl": 191, "semop": 193, "shmget": 194, "shmctl": 195,
        "shmat": 196, "shmdt": 197, "socket": 198, "socketpair": 199, "bind": 200, "listen": 201,
        "connect": 203, "add_key": 217, "request_key": 218, "keyctl": 219, "swapon": 224,
        "swapoff": 225, "perf_event_open": 241, "fanotify_init": 262, "open_by_handle_at": 265,
        "setns": 268, "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272,
        "finit_module": 273, "memfd_create": 279, "bpf": 280, "execveat": 281,
        "userfaultfd": 282, "kexec_file_load": 294,
    },
}  # fmt: skip
CLONE = {"x86_64": 56, "aarch64": 220}
CLONE3 = 435


def program(machine: str) -> bytes:
    """The filter, 8 bytes an instruction.

    Args:
        machine: a key of `AUDIT`, as `platform.machine` gives it.
    """
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
    lines += [
        _line(JUMP_EQUAL, CLONE[machine], 0, 3),
        _line(LOAD, FIRST_ARGUMENT),  # the low half; both machines are little-endian
        _line(JUMP_SET, CLONE_THREAD, 1, 0),
        refuse,
        _line(RETURN, ALLOW),
    ]
    return b"".join(lines)


def _line(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, value)
