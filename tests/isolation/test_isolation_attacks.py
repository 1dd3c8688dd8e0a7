"""What hostile agents come to: a status, a plain message, and a host as it was before."""

from __future__ import annotations

import os
import re
import time

import pytest
from hostile import SHORT, Attack

pytestmark = pytest.mark.sandbox

CHANNEL = """
def channel():
    for number in map(int, os.listdir("/proc/self/fd")):
        try:
            if os.readlink(f"/proc/self/fd/{number}").startswith("socket:"):
                return number
        except OSError:
            pass
"""
FRAME = """
def frame(text):
    return b"leap" + len(text).to_bytes(4, "little") + text
"""


@pytest.mark.parametrize(
    ("where", "code", "message"),
    [
        ("top", "raise ValueError('no')", r"ValueError: no \(hostile.py:4\)"),
        (
            "top",
            "def f():\n  global x\n  x = 1\nf(1)",
            r"TypeError: f\(\) takes 0 .*hostile.py:7\)",
        ),
        ("top", "exec('def f(:')", r"SyntaxError: .* \(hostile.py:4\)"),
        ("learn", "1 / 0", r"ZeroDivisionError: division by zero \(hostile.py:10\)"),
        ("predict", "if self.calls == 40: 1 / 0", r"ZeroDivisionError: .* \(hostile.py:15\)"),
        ("learn", "raise type('A' * 10**6, (Exception,), {})('b' * 10**6)", r"^A{79}…: b{499}… "),
        ("learn", "raise UnicodeError('\\x1b[31m\\n\\u202e')", r"UnicodeError: \?\[31m \? "),
        ("learn", "sys.exit('bye')", r"exited by itself: SystemExit: bye"),
        ("learn", "os._exit(3)", r"exited by itself with code 3"),
        ("learn", "raise KeyboardInterrupt", r"KeyboardInterrupt"),
        (
            "learn",
            "print('last words', flush=True); os._exit(3)",
            r"Its output, of 11 bytes, ends: last words$",
        ),
        ("learn", "f = lambda: f()\nf()", r"RecursionError"),
    ],
)
def test_what_goes_wrong_is_told(attack: Attack, where: str, code: str, message: str) -> None:
    made = attack(**{where: code})
    assert made.status == "failed"
    assert re.search(message, made.message), made.message
    assert len(made.message) < 1500
    assert made.message.isprintable()


@pytest.mark.parametrize(
    ("code", "status", "message"),
    [
        ("return np.zeros(3, np.int64), None", "invalid", "actions have shape (3,), expected (1,)"),
        ("return np.zeros(1), None", "invalid", "actions are float64, expected integers"),
        ("return np.array([np.nan]), None", "invalid", "actions are float64, expected integers"),
        ("return np.array([2]), None", "invalid", "an action lies outside Discrete(2)"),
        ("return np.array([-1]), None", "invalid", "an action lies outside Discrete(2)"),
        ("return np.array([{}], object), None", "invalid", "actions are object, not numbers"),
        ("return np.array(['1']), None", "invalid", "actions are <U1, not numbers"),
        ("return np.zeros(1, np.complex64), None", "invalid", "complex64, not numbers"),
        ("return np.zeros(2**24), None", "invalid", "at most 67108864 are allowed"),
        ("return np.zeros((1,) * 30), None", "invalid", "described wrongly"),
        ("return None", "failed", "TypeError: cannot unpack non-iterable NoneType"),
        ("return np.zeros(1, np.int64)", "failed", "ValueError: not enough values to unpack"),
        ("return [[1], [1, 2]], None", "failed", "ValueError: setting an array element"),
    ],
)
def test_what_is_no_action(attack: Attack, code: str, status: str, message: str) -> None:
    made = attack(predict=code)
    assert made.status == status
    assert message in made.message


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ("b'garbage' * 1000", "what was sent is no message"),
        ("b'leap' + bytes([255] * 4)", "what was sent is no message"),
        ("frame(b'[' * 20_000)", "is not JSON"),
        ("frame(b'{\"a\":' * 20_000)", "is not JSON"),
        ("frame(b'[]')", "is not a JSON object"),
        ("frame(b'{\"a\":1' + b'0' * 10_000 + b'}')", "is not JSON"),
        ('frame(b\'{"arrays":[["<f8",[1342177280]]]}\')', "message of 10737418240 bytes, at most"),
        ('frame(b\'{"arrays":[["<f8",[99999999999999999999,99999999999]]]}\')', "at most"),
        ('frame(b\'{"arrays":[["|O8",[1]]]}\')', "described wrongly"),
        ('frame(b\'{"arrays":[["<f8",[-1]]]}\')', "described wrongly"),
        ('frame(b\'{"arrays":[["<f8",[true]]]}\')', "described wrongly"),
        ('frame(b\'{"arrays":{"0":1}}\')', "described wrongly"),
        ('frame(b\'{"call":"open_the_door"}\')', "asked for 'open_the_door'"),
        ('frame(b\'{"call":["step"]}\')', "asked for"),
    ],
)
def test_garbage_on_the_channel(attack: Attack, sent: str, message: str) -> None:
    made = attack(top=CHANNEL + FRAME, learn=f"os.write(channel(), {sent})\ntime.sleep(600)")
    assert made.status == "invalid"
    assert message in made.message


def test_an_answer_that_never_ends(attack: Attack) -> None:
    code = """
    import struct
    os.write(channel(), struct.pack('<4sI', b'leap', 1000))
    while True:
        os.write(channel(), b' ')
        time.sleep(0.05)
    """
    made = attack(SHORT.model_copy(update={"wall": 0.7}), top=CHANNEL, learn=code)
    assert made.status == "timeout"


def test_a_closed_channel(attack: Attack) -> None:
    made = attack(top=CHANNEL, learn="os.close(channel())\ntime.sleep(600)")
    assert made.status == "invalid"
    assert "closed its connection to the host" in made.message


def test_half_an_answer(attack: Attack) -> None:
    made = attack(top=CHANNEL, learn="os.write(channel(), b'lea')\nos._exit(0)")
    assert made.status == "failed"
    assert "exited by itself with code 0" in made.message


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("os.abort()", "SIG"),
        ("import ctypes; ctypes.string_at(0)", "killed by SIGSEGV"),
    ],
)
def test_killed_by_itself(attack: Attack, code: str, message: str) -> None:
    made = attack(learn=code)
    assert made.status == "failed"
    assert message in made.message


SPEND = """
env = phase.make_env(2)
env.reset(seed=0)
for _ in range(60):
    {step}
"""


def test_the_budget_is_counted_by_the_host(attack: Attack) -> None:
    forged = (
        "phase.meter.used = -10**9\nphase.meter.budget = phase.meter.budget._replace(limit=10**9)"
    )
    made = attack(learn=forged + SPEND.format(step="env.step(np.zeros(2, np.int64))"))
    assert made.status == "budget_exceeded"
    assert "2 more decisions asked for, 0 of 100 left" in made.message


def test_steps_after_the_budget_are_not_taken(attack: Attack) -> None:
    step = """
    try:
        env.step(np.zeros(2, np.int64))
    except Exception:
        pass
"""
    made = attack(learn=SPEND.format(step=step))
    assert made.status == "ok", made.message
    assert made.budget[1].used == 100


@pytest.mark.parametrize(
    "code",
    [
        "from leapbench.errors import BudgetExceeded; raise BudgetExceeded('mine')",
        "e = ValueError('mine'); e.of_host = 0; raise e",
        "e = ValueError('mine'); e.of_host = 1; raise e",
        "class InvalidAction(Exception): pass\nraise InvalidAction('mine')",
        "from leapbench.errors import DeadlineExceeded; raise DeadlineExceeded('mine')",
    ],
)
def test_a_status_cannot_be_claimed(attack: Attack, code: str) -> None:
    made = attack(learn=code)
    assert made.status == "failed"
    assert "mine" in made.message


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("phase.make_env(10**9)", "product is at most"),
        ("phase.make_env(4097)", "at most 4096 sub-environments"),
        ("phase.make_env(0)", "whole numbers from 1 on"),
        ("phase.make_env(1, num=2)", "multiple values"),
        ("phase.make_env(1).step([0])", "reset"),
        ("env = phase.make_env(2); env.reset(); env.step([0, 7])", "InvalidAction: an action"),
        ("env = phase.make_env(1); env._index = 7; env.reset()", "this one is closed"),
        ("env = phase.make_env(1); env._index = []; env.reset()", "unhashable"),
        ("phase.meter.spend(-1)", "Nothing is ever refunded"),
        ("phase._line.ask('samples', [np.arange(3)])", "no stream of samples"),
    ],
)
def test_requests_that_are_refused(attack: Attack, code: str, message: str) -> None:
    made = attack(learn=code)
    assert made.status in ("failed", "invalid")
    assert re.search(message, made.message), made.message


def test_requests_do_not_keep_the_host_busy(
    attack: Attack, monkeypatch: pytest.MonkeyPatch
) -> None:
    from toys.worlds import Coins

    reset = Coins.reset

    def slow(self: Coins, **given: object) -> object:
        time.sleep(0.1)
        return reset(self, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(Coins, "reset", slow)
    code = "env = phase.make_env(1)\nwhile True: env.reset()"
    made = attack(SHORT.model_copy(update={"host": 0.5}), learn=code)
    assert made.status == "timeout"
    assert made.message == "The agent's requests took more than 0.5 s to answer."


def test_reports_are_tamed(attack: Attack) -> None:
    code = """
    for fraction in (float("nan"), 1e308 * 10, -5.0, 2.0):
        phase._line.tell("report", fraction=fraction, line="x" * 10**5)
    phase._line.tell("report", fraction="half", line=None)
    phase._line.tell("report")
    """
    assert attack(learn=code).status == "ok"


def test_the_parent_is_out_of_reach(attack: Attack) -> None:
    code = f"""
    import signal
    for target in ({os.getpid()}, {os.getppid()}, -1, -{os.getpgid(0)}):
        try:
            os.kill(target, signal.SIGKILL)
        except OSError:
            continue
        raise RuntimeError(f"GOT IN: {{target}}")
    """
    made = attack(learn=code)
    assert made.status == "ok", made.message
