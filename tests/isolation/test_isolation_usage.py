"""Agents that take too much: time, memory, processes, threads, disk and output."""

from __future__ import annotations

import re
import time

import pytest
from hostile import SHORT, Attack

from leapbench.isolation.limits import MIB

pytestmark = pytest.mark.sandbox


@pytest.mark.parametrize("where", ["top", "learn", "predict"])
def test_sleeping_for_ever(attack: Attack, where: str) -> None:
    code = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(600)"
    made = attack(SHORT.model_copy(update={"wall": 0.7}), **{where: code})
    assert made.status == "timeout"
    assert made.message == "The agent did not finish within 0.7 s."


def test_a_patched_clock_wins_no_time(attack: Attack) -> None:
    code = """
    import time, leapbench.isolation.channel as c
    sleep = time.sleep
    time.monotonic = time.perf_counter = time.time = lambda: 0.0
    c.time = None
    sleep(600)
    """
    made = attack(SHORT.model_copy(update={"wall": 0.7}), learn=code)
    assert made.status == "timeout"


def test_seconds_between_calls_do_not_count(
    attack: Attack, monkeypatch: pytest.MonkeyPatch
) -> None:
    from toys.worlds import Coins

    step = Coins.step

    def slow(self: Coins, action: object) -> object:
        time.sleep(0.05)
        return step(self, action)  # type: ignore[arg-type]

    monkeypatch.setattr(Coins, "step", slow)  # 48 evaluation steps: 2.4 s
    made = attack(SHORT.model_copy(update={"wall": 2.0}))
    assert made.status == "ok", made.message


def test_computing_for_ever(attack: Attack) -> None:
    made = attack(SHORT.model_copy(update={"cpu": 1.0}), learn="while True: pass")
    assert (made.status, made.message) == ("timeout", "The agent used up its 1 s of CPU time.")


def test_its_cpu_seconds_are_in_the_result(attack: Attack) -> None:
    idle = attack().timing.cpu
    busy = attack(learn="import time\nwhile time.process_time() < 2: pass").timing.cpu
    assert busy > idle + 1.0


@pytest.mark.parametrize(
    "code",
    [
        "np.ones(10**12)",
        "kept = []\nwhile True: kept.append(bytearray(10**7))",
        "x = 'a'\nwhile True: x += x",
    ],
)
def test_all_the_memory(attack: Attack, code: str) -> None:
    made = attack(SHORT.model_copy(update={"memory": 600 * MIB}), learn=code)
    assert made.status == "failed"
    assert "Out of memory: " in made.message
    assert "It may use 600 MiB." in made.message


@pytest.mark.parametrize(
    "code",
    [
        "os.fork()",
        "while True: os.fork()",
        "import subprocess; subprocess.run(['/bin/true'])",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "import multiprocessing as m; m.get_context('fork').Process(target=print).start()",
    ],
)
def test_further_processes(attack: Attack, code: str) -> None:
    made = attack(learn=code)
    assert made.status == "failed"
    assert "PermissionError" in made.message
    assert "An isolated agent starts no processes" in made.message


def test_many_threads(attack: Attack) -> None:
    code = """
    import threading
    threading.stack_size(64 * 1024)
    for _ in range(200):
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
    time.sleep(600)
    """
    made = attack(learn=code)
    assert made.status == "failed"
    assert re.search("threads, at most 64 are allowed|can't start new thread", made.message)


def test_a_few_threads_are_fine(attack: Attack) -> None:
    code = """
    import threading
    threads = [threading.Thread(target=time.sleep, args=(0.01,)) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    """
    assert attack(learn=code).status == "ok"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("open('big', 'wb').write(bytes(3 * 2**20))", "OSError: [Errno 27] File too large"),
        ("for i in range(40): open(f'{i}', 'wb').write(bytes(2**20))", "No space left on device"),
        (
            "for i in range(40): f = open('x', 'wb'); os.unlink('x'); f.write(bytes(2**20)); "
            "f.flush(); globals()[f'f{i}'] = f",
            "No space left on device",
        ),
        ("open('/tmp/x', 'w')", "FileNotFoundError"),
        ("open('/x', 'w')", "Read-only file system"),
        ("open('/dev/x', 'w')", "Read-only file system"),
        ("open('/site/x', 'w')", "Read-only file system"),
    ],
)
def test_a_full_disk(attack: Attack, code: str, message: str) -> None:
    made = attack(learn=code)
    assert made.status == "failed"
    assert message in made.message


def test_a_gigabyte_of_output(attack: Attack) -> None:
    code = "for _ in range(1024): os.write(1, b'x' * 2**20)\nraise ValueError"
    made = attack(learn=code)
    assert made.status == "failed"
    assert "ValueError:  (hostile.py:11) Its output, of 1 GiB, ends: …xxx" in made.message
    assert len(made.message) < 500
