"""What `leapbench run` says before it starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from leapbench.cli import beforehand
from leapbench.contract import registry
from leapbench.leaderboards.costs import Cost

GRID = registry.task("urlb/entropy-grid").protocols["smoke"]


@pytest.mark.parametrize(
    ("seconds", "seeds", "jobs", "basis", "told"),
    [
        (10.0, 5, 1, "rows", "less than a minute of CPU time by earlier rows"),
        (120.0, 5, 1, "rows", "about 10 min of CPU time by earlier rows"),
        (120.0, 5, 2, "others", "about 5 min of CPU time by rows of other agents"),
        (120.0, 1, 8, "rows", "about 2 min of CPU time by earlier rows"),
        (None, 5, 1, "none", "no timing known"),
    ],
)
def test_minutes_are_those_of_earlier_rows(seconds, seeds, jobs, basis, told) -> None:
    assert beforehand.time([Cost(GRID, "agent", seeds, basis, 3, seconds)], jobs) == told


def test_one_agent_without_a_timing_leaves_the_whole_unknown() -> None:
    costs = [Cost(GRID, "a", 1, "rows", 3, 5.0), Cost(GRID, "b", 1, "none")]
    assert beforehand.time(costs, 1) == "no timing known"


def test_a_run_names_data_budget_and_time_on_stderr(invoke, tmp_path: Path) -> None:
    run = ["run", "urlb/entropy-grid", "random-tabular", "--out", str(tmp_path / "new")]
    line = "urlb/entropy-grid, smoke: data made by the world; budget 49,600 steps a seed; less"
    told = invoke(*run, "--json")
    assert told.stderr.startswith(line)
    assert line not in told.stdout
    assert "budget" not in invoke(*run, "-q").stderr


@pytest.mark.parametrize("mistake", [["nope"], ["msdnet", "--tier", "odd"]])
def test_a_mistake_is_told_alone(invoke, tmp_path: Path, mistake: list[str]) -> None:
    done = invoke("run", "earlyexit/digits", *mistake, "--out", str(tmp_path))
    assert done.exit_code == 2
    assert "budget" not in done.stderr


def test_data_of_others_is_named() -> None:
    assert beforehand.data(registry.task("earlyexit/digits"), "smoke") == "data digits of UCI"
