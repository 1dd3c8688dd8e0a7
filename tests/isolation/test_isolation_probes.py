"""What an agent may find out or reach: nothing. Each probe says so itself when it gets in.

A probe runs with every layer, and once more without the layer that stops it, where it
must get in, so that a probe that could not get in anywhere is not mistaken for a wall.
"""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile import SALT, SHORT, Attack, had, need

from leapbench.isolation import hiding
from leapbench.isolation.layers import CALLS, FILES, NETWORK, PROCESSES
from leapbench.isolation.limits import LAYERS, Layer, Limits


def without(*layers: Layer) -> Limits:
    return SHORT.model_copy(update={"layers": LAYERS - set(layers)})


READ = "open({path!r}).read()"
WRITE = "open({path!r}, 'w').write('was here')"
LIST = "os.listdir({folder!r})"
INET = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(('127.0.0.1', 9))"
UNIX = "import socket; socket.socket(socket.AF_UNIX).connect({path!r} + '.sock')"
SEE = "open('/proc/{host}/cmdline').read()"
SIGNAL = "os.kill({host}, 0)"
SHARED = "import ctypes; assert ctypes.CDLL(None).syscall(319, b'x', 0) >= 0"
PROBES: dict[str, tuple[str, str, set[Layer]]] = {
    "read": (READ, FILES, {"landlock"}),
    "write": (WRITE, FILES, {"landlock"}),
    "list": (LIST, FILES, {"landlock"}),
    "inet": (INET, NETWORK, {"namespaces", "seccomp", "landlock"}),
    "unix": (UNIX, CALLS, {"seccomp", "landlock"}),
    "see": (SEE, PROCESSES, {"namespaces", "landlock"}),
    "signal": (SIGNAL, PROCESSES, {"namespaces", "seccomp", "landlock"}),
    "shared": (SHARED, CALLS, {"seccomp"}),
}
TRY = """
try:
    {code}
except (OSError, AssertionError):
    pass
else:
    raise RuntimeError("GOT IN")
"""


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "home" / "key.txt"
    file.parent.mkdir()
    file.write_text("private")
    return file


@pytest.fixture
def listening(secret: Path) -> Iterator[None]:
    server = socket.socket(socket.AF_UNIX)
    server.bind(f"{secret}.sock")
    server.listen()
    yield
    server.close()


@pytest.mark.usefixtures("listening")
@pytest.mark.parametrize("name", PROBES)
@pytest.mark.parametrize("open_door", [False, True])
def test_probes(attack: Attack, secret: Path, name: str, open_door: bool) -> None:
    code, layer, doors = PROBES[name]
    need(layer)
    if name in ("shared",) and os.uname().machine != "x86_64":
        pytest.skip("the probe's system call number is that of x86-64")
    code = code.format(path=str(secret), folder=str(secret.parent), host=os.getpid())
    made = attack(without(*doors) if open_door else SHORT, learn=TRY.format(code=code))
    assert "GOT IN" in made.message if open_door else made.status == "ok", made.message
    assert (secret.read_text() == "was here") == (open_door and name == "write")


MEMORY = {
    "mem": "open('/proc/{host}/mem', 'rb')",
    "environ": "open('/proc/{host}/environ', 'rb').read()",
    "maps": "open('/proc/{host}/maps', 'rb').read()",
    "fd": "os.readlink('/proc/{host}/fd/{fd}')",
    "ptrace": "import ctypes; assert ctypes.CDLL(None).ptrace(0x4206, {host}, 0, 0) == 0",
    "readv": """
    import ctypes
    mine = ctypes.create_string_buffer(8)
    to, there = ((ctypes.c_ulong * 2)(a, 8) for a in (ctypes.addressof(mine), {address}))
    assert ctypes.CDLL(None).process_vm_readv({host}, to, 1, there, 1, 0) == 8
    """,
}


@pytest.mark.parametrize("layers", [LAYERS, frozenset({"rlimits"}), None])
@pytest.mark.parametrize("name", MEMORY)
def test_the_hosts_memory(
    attack: Attack, monkeypatch: pytest.MonkeyPatch, name: str, layers: frozenset[Layer] | None
) -> None:
    if layers is None:  # the control: nothing at all protects the host
        if os.geteuid() == 0:
            pytest.skip("root's memory is closed to whoever has not root's rights")
        if name == "ptrace" or Path("/proc/sys/kernel/yama/ptrace_scope").exists():
            pytest.skip("it would trace this process, or Yama forbids it")
        monkeypatch.setattr(hiding, "hide", lambda: None)
    buffer = ctypes.create_string_buffer(b"the seed")
    values = {"host": os.getpid(), "fd": os.dup(0), "address": ctypes.addressof(buffer)}
    limits = SHORT.model_copy(update={"layers": layers or frozenset({"rlimits"})})
    try:
        made = attack(limits, learn=TRY.format(code=MEMORY[name].format(**values).strip()))
    finally:
        os.close(values["fd"])
    assert "GOT IN" in made.message if layers is None else made.status == "ok", made.message


def test_nothing_is_handed_down(attack: Attack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", SALT)
    code = f"""
    import gc
    salt = {SALT[::-1]!r}[::-1]
    found = dict(os.environ)
    assert not any(salt in value for value in found.values())
    assert "SECRET_TOKEN" not in found and "PYTHONPATH" not in found
    assert found["HOME"] == os.getcwd() and os.listdir(".") == []
    assert salt.encode() not in open("/proc/self/cmdline", "rb").read()
    values = [v for o in gc.get_objects() if isinstance(o, dict) for v in o.values()]
    assert not [v for v in values if type(v) is str and v == salt and v is not salt]
    roots = ("toys", "leapbench.contract.seeds", "leapbench.tasks", "gymnasium", "torch")
    roots += ("pydantic",)
    assert not [m for m in sys.modules if m.startswith(roots)]
    links = [f"/proc/self/fd/{{n}}" for n in os.listdir("/proc/self/fd")]
    kinds = [os.readlink(link) for link in links if os.path.islink(link)]
    assert sum(kind.startswith("socket:") for kind in kinds) == 1, kinds
    assert len(kinds) == 4, kinds
    assert sys.stdin.read() == ""
    """
    made = attack(learn=code)
    assert made.status == "ok", made.message


def test_the_environment_is_not_there(attack: Attack) -> None:
    code = """
    env = phase.make_env(2)
    observation, info = env.reset(seed=1)
    assert set(vars(env)) <= {"_line", "_index", "num_envs", "single_observation_space",
        "single_action_space", "observation_space", "action_space", "metadata"}, vars(env)
    assert env.unwrapped is env
    for name in ("envs", "env", "bias", "meter", "world", "bank"):
        assert not hasattr(env, name), name
    """
    made = attack(learn=code)
    assert made.status == "ok", made.message


def test_one_guest_cannot_reach_another(attack: Attack, temporary: Path) -> None:
    if FILES not in had():
        pytest.skip("this machine lets guests read everything")
    made = attack(learn=f"os.listdir({str(temporary)!r})")
    assert "PermissionError" in made.message
