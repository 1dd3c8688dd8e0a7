"""Running a row again, and what to make of what comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from leapbench.leaderboards.statistics import mean_interval
from leapbench.leaderboards.verdict import Level
from leapbench.results.result import Result, Scalar

TOLERANCE = 0.05
"""Normalised score that a re-run on another processor or other releases may differ by.

Training there goes another way after the first rounding, so that a re-run is like
another seed. What holds for single rows is judged again over all of them, see `excess`.
"""
SURE = 0.99
"""Confidence at which rows are better than their re-runs, and not by chance."""
SECRET_TOLERANCE = 0.05
"""Normalised score that a row may lose on secret seeds: other episodes vary by themselves."""


@dataclass(frozen=True)
class Comparison:
    """A row against its re-run.

    Attributes:
        same_lock: whether both were made with equal releases on an equal processor.
        differing: number of episodes that differ in any column.
        difference: normalised score of the re-run minus that of the row.
        failure: how the re-run ended when it did not end well, else empty.
    """

    same_lock: bool
    differing: int
    difference: float
    failure: str = ""

    @property
    def exact(self) -> bool:
        """Whether every episode came out equal."""
        return not self.failure and not self.differing

    def verdict(self, tolerance: float) -> tuple[Level | None, str]:
        """The level that the row has earned, None to refuse it, and why it is no higher.

        Args:
            tolerance: normalised score allowed between unequal locks.
        """
        if self.failure:
            return None, f"the re-run {self.failure}"
        if self.exact:
            return "reproduced", ""
        gap = f"{self.differing} episodes differ, normalised score by {self.difference:+.4f}"
        if abs(self.difference) > tolerance:
            return None, f"not reproduced: {gap}, allowed are {tolerance:g}"
        if self.same_lock:
            return "checked", f"not deterministic: on equal releases and processor {gap}"
        return "reproduced", f"on other releases or another processor {gap}"


def compare(row: Result, again: Result) -> Comparison:
    """Set a row against its re-run.

    Args:
        row: as submitted.
        again: the same cell, run by the verifier.
    """
    same = lock(row.provenance) == lock(again.provenance)
    if row.status != again.status:
        ended = f"ended as {again.status}: {again.message}" if again.message else again.status
        return Comparison(same, 0, 0.0, f"{ended}, the row as {row.status}")
    if row.normalised is None or again.normalised is None:
        return Comparison(same, 0, 0.0)
    mine, theirs = row.rows(), again.rows()
    differing = sum(a != b for a, b in zip(mine, theirs, strict=False))
    differing += abs(len(mine) - len(theirs))
    return Comparison(same, differing, again.normalised - row.normalised)


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


def lock(provenance: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """What decides floating-point results bit by bit: releases, interpreter, processor."""
    return {
        key: value
        for key, value in provenance.items()
        if key.startswith("version:") or key in ("python", "cpu")
    }
