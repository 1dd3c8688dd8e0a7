"""What the end of a guest, or an exception in it, says about the agent."""

from __future__ import annotations

import signal
from typing import Any

from leapbench.isolation.failures import GuestError, GuestFailed, GuestLate, plain, seconds, size
from leapbench.isolation.limits import Limits
from leapbench.isolation.process import Ending

LINES = 10**6
DENIED = "An isolated agent starts no processes, has no network and no files but its own."


def of_ending(ending: Ending, limits: Limits) -> GuestError:
    """The verdict on a process that ended by itself or was killed by the system."""
    # A process that was killed; bubblewrap tells of one by 128 and more.
    number = -ending.code if ending.code < 0 else ending.code - 128
    if number <= 0:
        return GuestFailed(f"The agent's process exited by itself with code {ending.code}.")
    if ending.cpu > limits.cpu - 0.5 and number in (signal.SIGKILL, signal.SIGXCPU):
        return GuestLate(f"The agent used up its {seconds(limits.cpu)} of CPU time.")
    known = number in set(signal.Signals)
    name = signal.Signals(number).name if known else f"signal {number}"
    why = ", perhaps for want of memory" if number == signal.SIGKILL else ""
    return GuestFailed(f"The agent's process was killed by {name}{why}.")


def of_exception(answer: Any, file: str, limits: Limits) -> GuestError:
    """The verdict on an exception in the guest.

    Args:
        answer: what the guest says about it, which may be anything.
        file: name of the agent's file.
        limits: the guest's.
    """
    answer = answer if isinstance(answer, dict) else {}
    line = answer.get("line")
    known = type(line) is int and 0 < line < LINES
    where = f" ({plain(file, 60)}:{line})" if known else ""
    what = f"{plain(answer.get('type', 'error'), 80)}: {plain(answer.get('text', ''))}{where}"
    if answer.get("exit") is True:
        return GuestFailed(f"The agent exited by itself: {what}")
    if answer.get("memory") is True:
        return GuestFailed(f"Out of memory: {what}. It may use {size(limits.memory)}.")
    return GuestFailed(f"{what}. {DENIED}" if answer.get("denied") is True else what)
