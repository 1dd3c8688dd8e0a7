"""Timing on a machine that others use too: in turns, by the thread's own clock, with a gate."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leapbench.errors import UserError

Numbers = NDArray[np.float64]
REPEATS = 0.05
"""Relative difference of two timings of the same thing above which nothing is reported."""


@dataclass(frozen=True)
class Timings:
    """Calls that were timed in turns.

    Attributes:
        seconds: of the thread's own clock, (rounds, calls).
        wall: the same by the wall clock.
    """

    seconds: Numbers
    wall: Numbers

    @property
    def best(self) -> Numbers:
        """Fastest of the rounds, (calls,): what a machine does besides only adds to it."""
        return np.asarray(self.seconds.min(0))

    @property
    def repeats(self) -> Numbers:
        """Relative difference of the fastest of every other round and of the rest, (calls,)."""
        return np.asarray(np.abs(self.seconds[::2].min(0) / self.seconds[1::2].min(0) - 1))

    @property
    def waits(self) -> float:
        """Wall time over the thread's own: 2 where it had half a core."""
        return float(self.wall.sum() / self.seconds.sum())

    def ratio(self, of: int, to: int) -> tuple[float, float, float]:
        """Median and quartiles over rounds of one call's seconds over another's."""
        low, middle, high = np.quantile(
            self.seconds[:, of] / self.seconds[:, to], (0.25, 0.5, 0.75)
        )
        return float(middle), float(low), float(high)


def in_turns(calls: Sequence[Callable[[], object]], rounds: int) -> Timings:
    """Time calls round by round, in an order drawn anew for each.

    What the machine does besides meets all calls alike, and ratios within a round are of its
    same state. Every call is made right before it is timed, so that it finds its own data in
    the caches and not what the call before it left there.
    """
    seconds, wall = np.empty((rounds, len(calls))), np.empty((rounds, len(calls)))
    draw = np.random.default_rng(0)
    for turn in range(rounds):
        for place in draw.permutation(len(calls)).tolist():
            calls[place]()
            seconds[turn, place], wall[turn, place] = timed(calls[place])
    return Timings(seconds, wall)


def timed(call: Callable[[], object]) -> tuple[float, float]:
    """Seconds of a call, by the thread's own clock and by the wall clock."""
    wall, begun = time.perf_counter(), time.thread_time()
    call()
    return time.thread_time() - begun, time.perf_counter() - wall


def gate(repeats: float, waits: float, force: bool = False) -> str:
    """What the noise was, in words.

    Args:
        repeats: relative difference of two timings of the same thing.
        waits: wall time over processor time, which is told and decides nothing.
        force: say it, and go on.

    Raises:
        UserError: when the machine is too busy to measure on.
    """
    found = f"the same thing timed twice differs by {repeats:.1%}, wall/CPU time {waits:.2f}"
    if force or repeats <= REPEATS:
        return found
    raise UserError(
        f"The machine is too busy to measure on: {found}; at most {REPEATS:.0%} is allowed.",
        "Wait until it is quiet, or go on with --force.",
    )
