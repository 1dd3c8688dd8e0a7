"""Machines that lack layers: the verdict holds where it can, and what is lacking is said."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from hostile import SHORT, Attack, agent, had

from leapbench.isolation import hiding, kernel, landlock, layers, namespaces, seccomp
from leapbench.isolation.limits import MIB, Limits
from leapbench.isolation.remote import Guest

BARE = SHORT.model_copy(update={"layers": frozenset({"rlimits"})})
NOTHING = SHORT.model_copy(update={"layers": frozenset()})


@pytest.mark.parametrize("limits", [BARE, NOTHING])
@pytest.mark.parametrize(
    ("where", "code", "status", "message"),
    [
        ("learn", "pass", "ok", ""),
        ("learn", "1 / 0", "failed", "ZeroDivisionError: division by zero (hostile.py:10)"),
        ("learn", "os._exit(3)", "failed", "exited by itself with code 3"),
        ("learn", "os.kill(os.getpid(), 9)", "failed", "killed by SIGKILL, perhaps for want"),
        ("learn", "print('x' * 10**6)\nsys.exit()", "failed", "SystemExit"),
        ("predict", "return np.zeros(3), None", "invalid", "actions have shape (3,)"),
    ],
)
def test_verdicts(
    attack: Attack, limits: Limits, where: str, code: str, status: str, message: str
) -> None:
    made = attack(limits, **{where: code})
    assert made.status == status
    assert message in made.message


@pytest.mark.parametrize("limits", [BARE, NOTHING])
def test_sleeping(attack: Attack, limits: Limits) -> None:
    made = attack(limits.model_copy(update={"wall": 0.7}), learn="time.sleep(600)")
    assert made.status == "timeout"


def test_computing(attack: Attack) -> None:
    made = attack(BARE.model_copy(update={"cpu": 1.0}), learn="while True: pass")
    assert (made.status, made.message) == ("timeout", "The agent used up its 1 s of CPU time.")


def test_memory_without_limits_is_watched(attack: Attack) -> None:
    code = "kept = np.ones(40_000_000)\ntime.sleep(600)"
    made = attack(NOTHING.model_copy(update={"memory": 200 * MIB}), learn=code)
    assert (made.status, made.message) == (
        "failed",
        "The agent used more than its 200 MiB of memory.",
    )


@pytest.mark.parametrize(
    "code",
    [
        "os.fork()\ntime.sleep(600)",
        "if os.fork() == 0: os.setsid()\ntime.sleep(600)",
        "if os.fork() == 0: os.setsid(); os.closerange(0, 100)\ntime.sleep(600)",
    ],
)
def test_a_process_that_is_started_is_found_and_ended(attack: Attack, code: str) -> None:
    made = attack(BARE, learn=code)
    assert made.status == "failed"
    assert made.message == "The agent started another process; only threads are allowed."


@pytest.mark.parametrize(
    "code",
    [
        "if os.fork() == 0:\n    os.setsid()\n    time.sleep(600)\nos._exit(0)",
        "if os.fork() == 0:\n    if os.fork() == 0: os.setsid(); time.sleep(600)\n    os._exit(0)\n"
        "os.wait()\nos._exit(1)",
        "import signal\nos.kill(os.getppid(), signal.SIGSTOP)\ntime.sleep(600)",
        "import signal\nos.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(600)",
    ],
)
def test_nothing_outlives_the_guest(attack: Attack, temporary: Path, code: str) -> None:
    before = set(psutil.pids())
    made = attack(BARE.model_copy(update={"wall": 1.0}), learn=code)
    assert made.status in ("failed", "timeout")
    new = [psutil.Process(pid) for pid in set(psutil.pids()) - before if psutil.pid_exists(pid)]
    assert [p for p in new if str(temporary) in _line(p)] == []


HOST = """
import sys
from pathlib import Path
import numpy as np
from leapbench.isolation.limits import Limits
from leapbench.isolation.remote import Guest

limits = Limits() if sys.argv[2] == "all" else Limits(layers=frozenset())
with Guest(Path(sys.argv[1]), "Agent", {}, limits) as guest:
    _ = guest.sandbox
    print(guest.sandbox._popen.pid, flush=True)
    guest.call({"call": "predict", "fresh": True, "still": True}, [np.zeros(1)])
"""


@pytest.mark.parametrize("layers", ["all", "none"])
def test_guests_die_with_their_host(temporary: Path, layers: str) -> None:
    file = agent(temporary, predict="os.write(2, b'x'); time.sleep(600)")
    environment = os.environ | {"TMPDIR": str(temporary)}
    command = [sys.executable, "-c", HOST, str(file), layers]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as host:
        assert host.stdout is not None
        launcher = psutil.Process(int(host.stdout.readline()))
        guests = launcher.children(recursive=True)
        assert len(guests) == 1
        assert len(list(temporary.glob("leapbench-guest-*"))) == 1
        host.kill()
    _, alive = psutil.wait_procs([launcher, *guests], timeout=10)
    assert alive == []
    assert list(temporary.glob("leapbench-guest-*")) == []


def _line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def test_what_was_had_is_said(temporary: Path) -> None:
    with Guest(agent(temporary), "Agent", {}, BARE) as guest:
        assert guest.isolation == "not started"
        _ = guest.sandbox
        assert guest.isolation == (
            "own process, limits of memory, CPU time and files; not protected: it can reach the "
            "network, it sees other processes, it can read and write the user's files, system "
            "calls are not filtered"
        )
        assert kernel.prctl(kernel.PR_GET_DUMPABLE) == 0
    assert kernel.prctl(kernel.PR_GET_DUMPABLE) == 1
    with Guest(agent(temporary), "Agent", {}) as guest:
        _ = guest.sandbox
        assert guest.isolation == layers.statement(had())
        assert ("not protected" in guest.isolation) == (had() != set(layers.HAD))


def test_hiding_is_counted() -> None:
    hiding.hide()
    hiding.hide()
    hiding.show()
    assert kernel.prctl(kernel.PR_GET_DUMPABLE) == 0
    hiding.show()
    assert kernel.prctl(kernel.PR_GET_DUMPABLE) == 1


def test_another_system_has_no_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not namespaces.enter()
    assert landlock.version() == 0
    for refused in (seccomp.restrict, kernel.drop_capabilities, namespaces.seal):
        with pytest.raises(OSError, match=r"Linux only|not known"):
            refused()
    plan = {"limits": {}, "read": [], "home": "/"}
    assert layers.surround(plan, {"landlock", "seccomp"}, entered=False) == []
    hiding.hide()
    hiding.show()
