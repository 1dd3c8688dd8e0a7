"""Running a row again, and what to make of what comes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isclose
from typing import Any

import numpy as np

from leapbench.leaderboards.statistics import mean_interval
from leapbench.leaderboards.statistics.interval import difference
from leapbench.leaderboards.verdict import Level
from leapbench.results.result import Result

TOLERANCE = 0.05
"""Normalised score that a row may be away from its re-run.

On another processor training goes another way after the first rounding, so that a re-run
is like another seed. A board shows the re-run of a submission, so the distance wins nothing.
"""
FASTER, SLACK = 10.0, 1.0
"""A row may claim so many times less CPU than its re-run took, and so many seconds less."""
SURE = 0.99
"""Confidence at which rows are better than their re-runs, and not by chance."""
SECRET_TOLERANCE = 0.05
"""Normalised score that a row may lose on secret seeds: other episodes vary by themselves."""


@dataclass(frozen=True)
class EpisodeComparison:
    """A row against its re-run. What a row says about its own machine has no part in it.

    Attributes:
        differing: number of episodes that differ in any column.
        difference: normalised score of the re-run minus that of the row.
        failure: how the re-run ended when it did not end well, else empty.
        forged: evidence beside the episodes that cannot be the run's, else empty.
        unlike: evidence that another processor may explain, else empty.
    """

    differing: int
    difference: float
    failure: str = ""
    forged: str = ""
    unlike: str = ""

    @property
    def exact(self) -> bool:
        """Whether every episode came out equal."""
        return not self.failure and not self.differing

    def verdict(self, tolerance: float) -> tuple[Level | None, str]:
        """The level that the row has earned, None to refuse it, and why it is no higher.

        Args:
            tolerance: normalised score that the row may be away from its re-run.
        """
        if self.failure:
            return None, f"the re-run {self.failure}"
        gap = f"{self.differing} episodes differ, normalised score by {self.difference:+.4f}"
        if abs(self.difference) > tolerance:
            return None, f"not reproduced: {gap}, allowed are {tolerance:g}"
        if self.forged:
            return None, f"not reproduced: {self.forged}"
        if self.unlike:
            return "checked", f"not reproduced whole: {self.unlike}"
        return "reproduced", "" if self.exact else f"{gap}; the re-run counts"


def compare(row: Result, again: Result) -> EpisodeComparison:
    """Set a row against its re-run: episodes, score, budget, details and CPU seconds.

    Args:
        row: as submitted.
        again: the same cell, run by the verifier.
    """
    if row.status != again.status:
        ended = f"ended as {again.status}: {again.message}" if again.message else again.status
        return EpisodeComparison(0, 0.0, f"{ended}, the row as {row.status}")
    if row.normalised is None or again.normalised is None:
        return EpisodeComparison(0, 0.0)
    mine, theirs = row.rows(), again.rows()
    differing = sum(a != b for a, b in zip(mine, theirs, strict=False))
    differing += abs(len(mine) - len(theirs))
    forged = _forged(row, again, exact=not differing)
    gap = float(difference(np.asarray(again.normalised), np.asarray(row.normalised)))
    unlike = "" if differing or close(row.details, again.details) else "its details are others"
    return EpisodeComparison(differing, gap, "", forged, unlike)


def _forged(row: Result, again: Result, exact: bool) -> str:
    """What no machine explains about a row."""
    used = [(spent.phase, spent.used) for spent in row.budget]
    found = [(spent.phase, spent.used) for spent in again.budget]
    if exact and used != found:
        return f"budget used {used}, the re-run used {found}"
    cpu, least = row.timing.cpu, again.timing.cpu / FASTER - SLACK
    if not max(0.0, least) <= cpu:
        return f"{cpu:g} CPU seconds, the re-run took {again.timing.cpu:g}"
    return ""


def close(a: Any, b: Any) -> bool:
    """Whether two JSON values are equal up to the rounding of their numbers."""
    match a, b:
        case dict(), dict():
            return a.keys() == b.keys() and all(close(a[key], b[key]) for key in a)
        case list() | tuple(), list() | tuple():
            return len(a) == len(b) and all(map(close, a, b))
        case int() | float(), int() | float():
            return isclose(a, b, rel_tol=1e-6, abs_tol=1e-9)
    return bool(a == b)


def excess(differences: Sequence[float]) -> str:
    """Whether rows are better than their re-runs by more than chance; empty if not.

    Args:
        differences: re-run minus row, normalised, of the rows whose episodes differ.
    """
    if len(differences) < 3:
        return ""
    gap = mean_interval(differences, level=SURE)
    if gap.high >= 0:
        return ""
    over = f"over {len(differences)} seeds"
    return f"{over} the rows are better than their re-runs by {-gap.value:.4f} normalised"
