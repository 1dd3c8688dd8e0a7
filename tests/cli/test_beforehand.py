"""What `leapbench run` says before it starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from leapbench.cli import beforehand
from leapbench.contract import registry
from leapbench.leaderboards.board import BoardEntry, assemble
from leapbench.leaderboards.costs import Cost, cost
from leapbench.results.provenance import provenance
from leapbench.results.result import AgentRecord, Result, Timing

GRID = registry.task("urlb/entropy-grid").protocols["smoke"]


@pytest.mark.parametrize(
    ("seconds", "seeds", "jobs", "basis", "told"),
    [
        (10.0, 5, 1, "rows", "about 50 s of CPU time (10 s a seed), by earlier rows"),
        (120.0, 5, 1, "rows", "about 10 min of CPU time (2.0 min a seed), by earlier rows"),
        (
            120.0,
            5,
            2,
            "others",
            "about 10 min of CPU time (2.0 min a seed, 5.0 min by the clock on 2 free cores), "
            "by rows of other agents",
        ),
        (120.0, 1, 8, "rows", "about 2.0 min of CPU time, by earlier rows"),
        (None, 5, 1, "none", "no timing known"),
    ],
)
def test_cpu_time_is_that_of_earlier_rows(seconds, seeds, jobs, basis, told) -> None:
    assert beforehand.time([Cost(GRID, "agent", seeds, basis, 3, seconds, True)], jobs) == told


@pytest.mark.parametrize(("cpu", "here"), [(provenance()["cpu"], True), ("another", False)])
def test_rows_of_other_processors_are_said_to_be_such(cpu, here) -> None:
    made = Result(
        task=GRID.task,
        tier="smoke",
        protocol_hash=GRID.hash,
        agent=AgentRecord(name="a", parts=()),
        seed=0,
        score=0.5,
        timing=Timing(cpu=3.0),
        provenance={"cpu": cpu},
    )
    board = assemble(GRID, [BoardEntry(made, Path("x"), "yours")])
    for identity in (made.agent.identity, "nobody's"):
        found = cost(board, "a", identity, 1)
        assert (found.cpu, found.here) == (3.0, here)
        assert ("may be faster or slower" in beforehand.time([found], 1)) is not here


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.43, "0.4 s"), (35.2, "35 s"), (150, "2.5 min"), (43200, "12 h")]
)
def test_times_are_in_the_unit_that_suits_them(seconds, told) -> None:
    assert beforehand.span(seconds) == told


def test_one_agent_without_a_timing_leaves_the_whole_unknown() -> None:
    costs = [Cost(GRID, "a", 1, "rows", 3, 5.0), Cost(GRID, "b", 1, "none")]
    assert beforehand.time(costs, 1) == "no timing known"


def test_a_run_names_data_budget_and_time_on_stderr(invoke, tmp_path: Path) -> None:
    run = ["run", "urlb/entropy-grid", "random-tabular", "--out", str(tmp_path / "new")]
    line = "urlb/entropy-grid, smoke: data made by the world; budget 49,600 steps a seed; about"
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
