"""What a guest sees and reaches: the interpreter, libraries, its own home, and nothing else."""

from __future__ import annotations

import os
import re
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from hostile import SALT, SHORT, Attack, agent

from leapbench.errors import AgentError, UserError
from leapbench.isolation import part, sandbox, seccomp
from leapbench.isolation.failures import GuestAnswer
from leapbench.isolation.limits import MIB
from leapbench.isolation.part import RemotePart
from leapbench.isolation.remote import GuestProcess
from leapbench.running import doctor

boxed = pytest.mark.sandbox
BARE = SHORT.model_copy(update={"sandbox": False})
TRY = """
try:
    {code}
except (OSError, AssertionError, ImportError):
    pass
else:
    raise RuntimeError("GOT IN")
"""
PROBES = {
    "read": "open({path!r}).read()",
    "write": "open({path!r}, 'w').write('was here')",
    "stat": "os.stat({path!r})",
    "chmod": "os.chmod({path!r}, 0o777)",
    "chown": "os.chown({path!r}, 0, 0)",
    "utime": "os.utime({path!r})",
    "xattr": "os.setxattr({path!r}, 'user.a', b'x')",
    "truncate": "os.truncate({path!r}, 0)",
    "list": "os.listdir({folder!r})",
    "passwd": "open('/etc/passwd').read()",
    "own library": "os.utime(np.__file__)",
    "inet": "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "unix": "import socket; socket.socket(socket.AF_UNIX).connect({path!r} + '.sock')",
    "see": "open('/proc/{host}/cmdline').read()",
    "memory": "open('/proc/{host}/mem', 'rb')",
    "signal": "os.kill({host}, 0)",
    "shared": "import ctypes; assert ctypes.CDLL(None).syscall(319, b'x', 0) >= 0",
    "segment": "import ctypes; assert ctypes.CDLL(None).shmget(0, 2**20, 0o1600) >= 0",
    "queue": "import ctypes; assert ctypes.CDLL(None).msgget(0, 0o1600) >= 0",
    "ptrace": "import ctypes; assert ctypes.CDLL(None).ptrace(0x4206, {host}, 0, 0) == 0",
    "mount": "import ctypes; assert ctypes.CDLL(None).mount(b'a', b'/home', b'tmpfs', 0, 0) == 0",
    "namespace": "import ctypes; assert ctypes.CDLL(None).unshare(0x10000000) == 0",
    "digits": "from sklearn.datasets import load_digits",
    "data": "import leapbench.data",
    "splits": "import leapbench.tasks.earlyexit.splits",
    "world": "import leapbench.envs.earlyexit.vector",
    "another world": "import toys.worlds",
    "boards": "import leapbench.leaderboards",
    "cartpole": "import gymnasium.envs.classic_control.cartpole",
}


@pytest.fixture
def secret(tmp_path: Path) -> Iterator[Path]:
    file = tmp_path / "home" / "key.txt"
    file.parent.mkdir()
    file.write_text("private")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{file}.sock")
        server.listen()
        yield file


@boxed
@pytest.mark.parametrize("name", PROBES)
def test_probes(attack: Attack, secret: Path, name: str) -> None:
    before = os.stat(secret)  # noqa: PTH116
    given = {"path": str(secret), "folder": str(secret.parent), "host": os.getpid()}
    made = attack(learn=TRY.format(code=PROBES[name].format(**given)))
    assert made.status == "ok", made.message
    assert os.stat(secret) == before  # noqa: PTH116
    assert secret.read_text() == "private"


@pytest.mark.parametrize("name", ["read", "list", "passwd", "see", "signal", "inet", "digits"])
def test_the_same_probes_get_in_without_a_sandbox(attack: Attack, secret: Path, name: str) -> None:
    """A probe that could not get in anywhere would be no proof of a wall."""
    given = {"path": str(secret), "folder": str(secret.parent), "host": os.getpid()}
    made = attack(BARE, learn=TRY.format(code=PROBES[name].format(**given)))
    assert "GOT IN" in made.message


@boxed
def test_nothing_is_handed_down(attack: Attack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", SALT)
    code = f"""
    import gc
    salt = {SALT[::-1]!r}[::-1]
    found = dict(os.environ)
    assert not any(salt in value for value in found.values())
    assert "SECRET_TOKEN" not in found and "PYTHONPATH" not in found
    assert found["HOME"] == os.getcwd() and os.listdir(".") == ["code"]
    assert salt.encode() not in open("/proc/self/cmdline", "rb").read()
    values = [v for o in gc.get_objects() if isinstance(o, dict) for v in o.values()]
    assert not [v for v in values if type(v) is str and v == salt and v is not salt]
    roots = ("toys", "leapbench.contract.seeds", "gymnasium", "torch", "pydantic")
    assert not [m for m in sys.modules if m.startswith(roots)]
    links = [f"/proc/self/fd/{{n}}" for n in os.listdir("/proc/self/fd")]
    kinds = [os.readlink(link) for link in links if os.path.islink(link)]
    assert sum(kind.startswith("socket:") for kind in kinds) == 1, kinds
    assert sys.stdin.read() == ""
    assert [p for p in os.listdir("/proc") if p.isdecimal()] == ["1"]
    """
    made = attack(learn=code)
    assert made.status == "ok", made.message


@boxed
def test_the_environment_is_not_there(attack: Attack) -> None:
    code = """
    env = phase.make_env(2)
    observation, info = env.reset(seed=1)
    assert set(vars(env)) <= {"_line", "_index", "num_envs", "single_observation_space",
        "single_action_space", "observation_space", "action_space", "metadata"}, vars(env)
    for name in ("envs", "env", "bias", "meter", "world", "predictions"):
        assert not hasattr(env, name), name
    """
    made = attack(learn=code)
    assert made.status == "ok", made.message


SAVED = [
    ("os.symlink('/etc/passwd', folder / 'a.json')", "FileNotFoundError"),
    ("(folder / 'a.json').mkdir()", "IsADirectoryError"),
    ("(folder / 'a.pkl').write_bytes(b'')", r"saved 'a.pkl'; taken are plain names"),
    ("(folder / 'a').write_bytes(b'')", "saved 'a'; taken are"),
    ("(folder / '.a.json').write_bytes(b'')", "saved '.a.json'; taken are"),
    ("(folder / ('a\\x1b\\n' + 'b' * 200)).write_bytes(b'')", r"saved 'a\? b{56}…'; taken"),
    ("[(folder / f'{i}.json').write_text('') for i in range(101)]", "than the 100 files"),
    ("folder.rmdir()", "FileNotFoundError"),
    ("open(folder / 'a.json', 'wb').truncate(10**9)", "File too large"),
    (
        "for i in range(5): open(folder / f'{i}.npz', 'wb').truncate(2 * 2**20)",
        "saved more than the 8 MiB that are taken",
    ),
    ("1 / 0", "ZeroDivisionError"),
    ("time.sleep(600)", "did not finish within 1 s"),
]


@boxed
@pytest.mark.parametrize(("code", "message"), SAVED)
@pytest.mark.usefixtures("tidy")
def test_what_is_not_taken(tmp_path: Path, code: str, message: str) -> None:
    into = tmp_path / "into"
    into.mkdir()
    limits = SHORT.model_copy(update={"wall": 1.0 if "sleep" in code else 20.0})
    with GuestProcess(agent(tmp_path, save=code), "Agent", {}, limits) as guest:
        for _ in range(2):  # and it stays ended
            with pytest.raises(AgentError, match=message):
                RemotePart(guest).save(into)
    assert list(into.iterdir()) == []


@pytest.mark.parametrize(
    "said",
    [None, [["../a.json", 1]], [["/a.json", 1]], [["a/b.json", 1]], [["a.json", -1]],
     [["a.json", 1.5]], [["a.json"]], ["a.json"], [["a.json", 2**40]], [["a\n.json", 1]]],
)  # fmt: skip
def test_what_a_guest_makes_up_about_its_files(said: Any) -> None:
    with pytest.raises(GuestAnswer):
        part._listed(part.Message({"files": said}), 2**20)


@boxed
@pytest.mark.usefixtures("tidy")
def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    into = tmp_path / "into"
    into.mkdir()
    file = agent(tmp_path, save="np.savez(folder / 'a.npz', a=np.arange(3 * 10**6))")
    load = "    def load(self, folder):\n        print(np.load(folder / 'a.npz')['a'].sum()); 1 / 0"
    file.write_text(file.read_text().replace("    def load(self, folder):\n        pass", load))
    with GuestProcess(file, "Agent", {}) as guest:
        RemotePart(guest).save(into)
        assert np.array_equal(np.load(into / "a.npz")["a"], np.arange(3 * 10**6))
        with pytest.raises(AgentError, match=r"ZeroDivisionError.*ends: 4499998500000$"):
            RemotePart(guest).load(into)


@pytest.mark.parametrize(
    ("where", "code", "status", "message"),
    [
        ("learn", "pass", "ok", ""),
        ("learn", "1 / 0", "failed", "ZeroDivisionError: division by zero (hostile.py:10)"),
        ("learn", "os._exit(3)", "failed", "exited by itself with code 3"),
        ("learn", "os.kill(os.getpid(), 9)", "failed", "killed by SIGKILL, perhaps for want"),
        ("predict", "return np.zeros(3), None", "invalid", "actions have shape (3,)"),
        ("learn", "kept = np.ones(10**8)", "failed", "Out of memory"),
    ],
)
def test_verdicts_without_a_sandbox(
    attack: Attack, where: str, code: str, status: str, message: str
) -> None:
    made = attack(BARE.model_copy(update={"memory": 500 * MIB}), **{where: code})
    assert (made.status, message in made.message) == (status, True), made.message


HOST = """
import sys
from pathlib import Path
import numpy as np
from leapbench.isolation.remote import GuestProcess

with GuestProcess(Path(sys.argv[1]), "Agent", {}) as guest:
    print(guest.start()._popen.pid, flush=True)
    guest.call({"call": "predict", "fresh": True, "still": True}, [np.zeros(1)])
"""


@boxed
def test_guests_die_with_their_host(temporary: Path) -> None:
    file = agent(temporary, predict="time.sleep(600)")
    command = [sys.executable, "-c", HOST, str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as host:
        assert host.stdout is not None
        outer = psutil.Process(int(host.stdout.readline()))
        guests = outer.children(recursive=True)
        assert len(guests) == 1
        host.kill()
    _, alive = psutil.wait_procs([outer, *guests], timeout=10)
    assert alive == []


@pytest.mark.parametrize("told", ["bwrap is not installed", "bwrap: No permissions to create"])
def test_without_a_sandbox_no_stranger_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str
) -> None:
    fake = tmp_path / "bwrap"
    fake.write_text(f"#!/bin/sh\necho {told} >&2\nexit 1\n")
    fake.chmod(0o755 if "permissions" in told else 0o644)
    monkeypatch.setenv("PATH", str(tmp_path))
    sandbox.trouble.cache_clear()
    try:
        with (
            GuestProcess(agent(tmp_path, top="raise ValueError"), "Agent", {}) as guest,
            pytest.raises(UserError, match=rf"{told}.*apt install bubblewrap"),
        ):
            guest.call({"call": "learn"})
        (check,) = doctor.isolation()
        assert (check.level, "apt install bubblewrap" in check.advice) == ("warn", True)
    finally:
        sandbox.trouble.cache_clear()


@boxed
def test_the_doctor_tells_what_a_guest_has() -> None:
    (check,) = doctor.isolation()
    assert (check.level, "bubblewrap" in check.found) == ("ok", True)


def run(code: bytes, machine: int, number: int, first: int = 0) -> int:
    """Interpret the filter for one system call, by linux/filter.h."""
    memory, at, value = {0: number, 4: machine, 16: first & 0xFFFFFFFF}, 0, 0
    lines = [struct.unpack_from("<HBBI", code, at) for at in range(0, len(code), 8)]
    while True:
        operation, if_true, if_false, constant = lines[at]
        at += 1
        match operation:
            case 0x06:
                return int(constant)
            case 0x20:
                value = memory[constant]
            case 0x15:
                at += if_true if value == constant else if_false
            case 0x35:
                at += if_true if value >= constant else if_false
            case 0x45:
                at += if_true if value & constant else if_false


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter(machine: str) -> None:
    allowed, refused = 0x7FFF0000, 0x00050001
    code, audit = seccomp.program(machine), seccomp.AUDIT[machine]
    denied, clone = set(seccomp.DENIED[machine].values()), seccomp.CLONE[machine]
    for number in set(range(600)) - {clone, seccomp.CLONE3}:
        assert run(code, audit, number) == (refused if number in denied else allowed)
    assert run(code, audit, clone, 0x003D0F00) == allowed  # the flags of pthread_create
    assert run(code, audit, clone, 0x01200011) == refused  # those of fork
    assert run(code, audit, seccomp.CLONE3) == 0x00050026  # no such call
    assert run(code, 0x40000003, 1) == seccomp.KILL_PROCESS  # 32-bit calls have other numbers
    if machine == "x86_64":
        assert run(code, audit, 0x40000000 | 41) == refused


HEADERS = {"x86_64": "x86_64-linux-gnu/asm/unistd_64.h", "aarch64": "asm-generic/unistd.h"}


@pytest.mark.parametrize("machine", HEADERS)
def test_system_call_numbers(machine: str) -> None:
    header = Path("/usr/include") / HEADERS[machine]
    if not header.exists():
        pytest.skip(f"there is no {header}")
    found = re.findall(r"#define __NR(?:3264)?_(\w+) (\d+)", header.read_text())
    known = {name: int(value) for name, value in found}
    ours = seccomp.DENIED[machine] | {"clone": seccomp.CLONE[machine], "clone3": seccomp.CLONE3}
    assert {name: known.get(name, number) for name, number in ours.items()} == ours
    assert len(ours.keys() & known.keys()) > 40


def test_what_is_mounted_is_not_the_users() -> None:
    named = sandbox.mounts(sandbox.LIBRARIES, sandbox.MODULES)
    assert not {"/", "/home", "/root", "/tmp", "/etc", str(Path.cwd())} & set(named)  # noqa: S108
    assert not [n for n in named if n.startswith("/site/") and "sklearn" in n]
