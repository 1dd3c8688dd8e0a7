"""A committed row of every family, run again, comes out equal.

Where behaviour changes on purpose, the `version` of the part or of the protocol is raised,
and a row of the new version is run and adopted (`python -m leapbench.leaderboards.adopt`).

On the processor and releases that made a row, episodes are equal to the last bit. Elsewhere
they are equal to rounding, and how far that goes depends on the arithmetic.
"""

from __future__ import annotations

from math import isclose
from pathlib import Path

import pytest

from leapbench.contract import registry
from leapbench.contract.task import TIERS, Task
from leapbench.leaderboards.sources import committed_root, entries
from leapbench.leaderboards.submissions.verify.rerun import TOLERANCE
from leapbench.results.result import Result
from leapbench.running import cell
from leapbench.running.cell import Cell
from leapbench.running.composition import compose

FAMILIES = sorted({task.family for task in registry.tasks().values()})
ROUNDING = {
    # Look-ups and sums in double precision, in which the order of terms may differ.
    "urlb": 1e-9,
    # A field trained in single precision: some hundred steps of Adam carry the first rounding
    # on, to 2e-4 of the measures on the processors tried; a second moment of 0.999 in the
    # place of 0.99 makes 4e-3.
    "activeview": 1e-3,
}
"""Relative difference of an episode's numbers. Families that are not here train networks in
single precision: after the first rounding the training goes another way, as another seed's
does, and only the score can be compared."""


def lock(row: Result) -> dict[str, object]:
    """What decides floating-point results bit by bit: releases, interpreter, processor."""
    said = row.provenance.items()
    return {k: v for k, v in said if k.startswith("version:") or k in ("python", "cpu")}


def current(row: Result, task: Task) -> bool:
    """Whether it is of the task's own parts, in the versions and the protocol of now."""
    agent = compose(task, "+".join(task.default_agents.values()))
    said = [(part.name, part.version) for part in row.agent.parts]
    return (
        row.status == "ok"
        and row.protocol_hash == task.protocols[row.tier].hash
        and said == [(part.name, part.version) for part in agent.parts.values()]
    )


def smallest(family: str) -> Result:
    """The committed row of a family's default agent that took the least CPU time."""
    tasks = [task for task in registry.tasks().values() if task.family == family]
    for tier in TIERS:
        rows = [
            entry.result
            for task in tasks
            for entry in entries(task.name, tier, {"committed": committed_root()}, None)[0]
            if current(entry.result, task)
        ]
        if rows:
            return min(rows, key=lambda row: (row.timing.cpu, row.task, row.seed))
    raise AssertionError(f"{family} has no committed row of the versions of now: run and adopt one")


def difference(row: Result, again: Result) -> str:
    """The first thing that differs by more than it may; empty when nothing does."""
    if lock(row) == lock(again):
        return _first(row, again, 0.0)
    if row.family in ROUNDING:
        return _first(row, again, ROUNDING[row.family])
    assert row.normalised is not None
    assert again.normalised is not None
    gap = again.normalised - row.normalised
    return f"the normalised score differs by {gap:+.4f}" if abs(gap) > TOLERANCE else ""


def _first(row: Result, again: Result, rounding: float) -> str:
    if row.episodes.keys() != again.episodes.keys():
        return f"columns are {list(again.episodes)}, they were {list(row.episodes)}"
    for name, before in row.episodes.items():
        now = again.episodes[name]
        if len(now) != len(before):
            return f"there are {len(now)} episodes, there were {len(before)}"
        for episode, (a, b) in enumerate(zip(before, now, strict=True)):
            rounded = type(a) is type(b) is float and isclose(a, b, rel_tol=rounding, abs_tol=0)
            if a != b and not rounded:
                return f"{name} of episode {episode} was {a!r}, it is {b!r}"
    return ""


@pytest.mark.parametrize("family", FAMILIES)
def test_the_smallest_row_comes_out_equal(family: str, tmp_path: Path) -> None:
    row = smallest(family)
    one = Cell(row.task, row.tier, row.agent.name, row.seed, (), tmp_path)
    again = cell.run(one, lambda fraction, line: None)
    assert again.status == "ok", again.message
    wrong = difference(row, again)
    assert not wrong, (
        f"{row.task} {row.tier} {row.agent.name} seed {row.seed}: {wrong}. If that is meant, "
        "raise the version of what has changed, and adopt a new row."
    )


@pytest.mark.parametrize(
    ("factor", "processor", "told"),
    [(1, "", False), (1 + 1e-12, "", True), (1 + 1e-12, "x", False), (1 + 1e-6, "x", True)],
)
def test_an_episode_that_differs_is_told(factor: float, processor: str, told: bool) -> None:
    row = smallest("urlb")
    name, column = next((n, c) for n, c in row.episodes.items() if isinstance(c[0], float))
    place = max(range(len(column)), key=lambda i: float(column[i]))
    moved = [*column[:place], float(column[place]) * factor, *column[place + 1 :]]
    made_by = row.provenance | ({"cpu": processor} if processor else {})
    again = row.model_copy(update={"episodes": row.episodes | {name: moved}, "provenance": made_by})
    assert bool(difference(row, again)) == told
    assert "columns" in difference(row, again.model_copy(update={"episodes": {}}))


def test_where_training_goes_another_way_the_score_decides() -> None:
    row = smallest("earlyexit")
    again = row.model_copy(update={"provenance": {}, "episodes": {}})
    assert not difference(row, again)
    worse = again.model_copy(update={"normalised": 0.0})
    assert "normalised score differs" in difference(row, worse)
