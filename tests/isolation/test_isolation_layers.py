"""Kernel numbers against the system's headers, and the filter run by hand."""

from __future__ import annotations

import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from leapbench.isolation import kernel, landlock, namespaces, reading, seccomp

HEADERS = {
    "x86_64": ("x86_64-linux-gnu/asm/unistd_64.h", "asm/unistd_64.h"),
    "aarch64": ("asm-generic/unistd.h", "aarch64-linux-gnu/asm/unistd_64.h"),
}
ALLOWED, NO_SUCH_CALL, REFUSED = 0x7FFF0000, 0x00050026, 0x00050001


def header(*names: str) -> str:
    for name in names:
        file = Path("/usr/include") / name
        if file.exists():
            return file.read_text()
    pytest.skip(f"there is no header {names[0]}")


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_system_call_numbers(machine: str) -> None:
    text = header(*HEADERS[machine])
    known = {n: int(v) for n, v in re.findall(r"#define __NR(?:3264)?_(\w+) (\d+)", text)}
    ours = dict(seccomp.DENIED[machine]) | {"clone": seccomp.CLONE[machine]}
    ours |= dict(zip(("kill", "tgkill"), seccomp.SIGNALS[machine], strict=True))
    ours |= {"clone3": seccomp.CLONE3, "landlock_create_ruleset": landlock.CREATE_RULESET}
    ours |= {"landlock_restrict_self": landlock.RESTRICT_SELF, "capset": kernel._CAPSET[machine]}
    assert {name: known.get(name, number) for name, number in ours.items()} == ours
    assert len(ours.keys() & known.keys()) > 40


@pytest.mark.parametrize(
    ("name", "module", "prefix"),
    [
        ("linux/landlock.h", landlock, "LANDLOCK_ACCESS_FS_"),
        ("linux/sched.h", namespaces, ""),
        ("linux/prctl.h", kernel, ""),
    ],
)
def test_constants(name: str, module: object, prefix: str) -> None:
    text = header(name)
    found = re.findall(
        rf"#define\s+{prefix}(\w+)\s+(?:\(1ULL << (\d+)\)|(0x[0-9a-f]+|\d+)\b)", text
    )
    known = {key: 1 << int(shift) if shift else int(value, 0) for key, shift, value in found}
    ours = {k: v for k, v in vars(module).items() if isinstance(v, int) and k in known}
    assert {key: known[key] for key in ours} == ours
    assert len(ours) >= 6


def run(code: bytes, machine: int, number: int, first: int = 0) -> int:
    """Interpret the filter for one system call, by linux/filter.h."""
    memory, at, value = {0: number, 4: machine, 16: first & 0xFFFFFFFF}, 0, 0
    lines = [struct.unpack_from("<HBBI", code, at) for at in range(0, len(code), 8)]
    while True:
        operation, if_true, if_false, constant = lines[at]
        at += 1
        match operation:
            case 0x06:
                return constant
            case 0x20:
                value = memory[constant]
            case 0x15:
                at += if_true if value == constant else if_false
            case 0x35:
                at += if_true if value >= constant else if_false
            case 0x45:
                at += if_true if value & constant else if_false
            case _:
                raise AssertionError(f"unknown operation {operation:#x}")


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter(machine: str) -> None:
    code, audit = seccomp.program(machine, 7), seccomp.AUDIT[machine]
    denied, clone = set(seccomp.DENIED[machine].values()), seccomp.CLONE[machine]
    special = {clone, seccomp.CLONE3, *seccomp.SIGNALS[machine]}
    for number in set(range(600)) - special:
        assert run(code, audit, number) == (REFUSED if number in denied else ALLOWED)
    threads = 0x003D0F00  # the flags of pthread_create
    assert run(code, audit, clone, threads) == ALLOWED
    assert run(code, audit, clone, 0x01200011) == REFUSED  # those of fork
    assert run(code, audit, seccomp.CLONE3) == NO_SUCH_CALL
    for number in seccomp.SIGNALS[machine]:
        assert run(code, audit, number, 7) == ALLOWED
        assert {run(code, audit, number, pid) for pid in (0, 1, 8, -1, -7)} == {REFUSED}
    assert run(code, 0x40000003, 1) == seccomp.KILL_PROCESS  # 32-bit calls have other numbers
    if machine == "x86_64":
        assert run(code, audit, 0x40000000 | 41) == REFUSED


def test_an_unknown_machine_has_no_filter() -> None:
    with pytest.raises(OSError, match="no system call numbers for riscv64"):
        seccomp.program("riscv64", 1)


def test_readable_folders_are_not_the_users() -> None:
    found = reading.readable(["/opt/extra"])
    assert "/opt/extra" in found
    assert not {"/", "/home", "/root", "/tmp", "/etc", "/proc", str(Path.cwd())} & set(found)  # noqa: S108


RESTRICTED = """
import os, sys
from leapbench.isolation import landlock
abi, own, other = int(sys.argv[1]), sys.argv[2], sys.argv[3]
landlock.version = lambda: abi
landlock.restrict([sys.prefix, "/absent"], [own, "/dev/null"])
open(own + "/a", "w").write("mine")
os.mkdir(own + "/folder")
os.rename(own + "/a", own + "/b")
open(own + "/b", "a").close()
open("/dev/null", "w").write("nothing")
refused = 0
for path, mode in ((other, "r"), (other, "w"), ("/etc/passwd", "r"), (own + "/../c", "w")):
    try:
        open(path, mode)
    except PermissionError:
        refused += 1
print(refused)
"""


@pytest.mark.parametrize("abi", range(1, 8))
def test_landlock_of_every_version(tmp_path: Path, abi: int) -> None:
    if landlock.version() < abi:
        pytest.skip(f"the kernel has version {landlock.version()} of Landlock")
    own, other = tmp_path / "own", tmp_path / "other"
    own.mkdir()
    other.write_text("private")
    command = [sys.executable, "-c", RESTRICTED, str(abi), str(own), str(other)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr) == ("4\n", "")
    assert other.read_text() == "private"
    assert (own / "b").read_text() == "mine"
