"""Rows chosen by chance are run again, and a difference is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from leapbench.errors import UserError
from leapbench.leaderboards.submissions.verify import sample
from leapbench.leaderboards.verdict import Finding, Level
from leapbench.results.result import Result
from leapbench.running import cell
from leapbench.running.cell import Cell

pytestmark = pytest.mark.usefixtures("plugin")


def silent(fraction: float, line: str) -> None:
    assert 0 <= fraction <= 1


@pytest.fixture
def rows(tmp_path: Path) -> list[Result]:
    for seed in range(4):
        cell.run(Cell("coins/small", "smoke", "toy-guess", seed, (), tmp_path), silent)
    return sample.below(tmp_path)


def test_equal_seeds_choose_equal_rows(rows: list[Result]) -> None:
    chosen = [[f.run_id for f in sample.again(rows, 2, seed, silent)] for seed in (0, 0, 1)]
    assert chosen[0] == chosen[1]
    assert chosen[0] != chosen[2]
    assert len(set(chosen[0])) == 2


def test_rows_of_the_code_that_is_here_are_equal(rows: list[Result]) -> None:
    found = list(sample.again(rows, 9, 0, silent))
    assert [sample.outcome(f) for f in found] == ["equal"] * 4


def test_another_behaviour_is_a_difference(
    rows: list[Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    import toys.tasks.coins.harness as harness

    played = harness._episode
    monkeypatch.setattr(
        harness, "_episode", lambda policy, seed: {"hits": 0.9 * played(policy, seed)["hits"]}
    )
    found = list(sample.again(rows, 2, 0, silent))
    assert [sample.outcome(f) for f in found] == ["differ"] * 2


@pytest.mark.parametrize(
    ("level", "exact", "outcome"),
    [
        ("reproduced", True, "equal"),
        ("reproduced", False, "near"),
        ("checked", False, "differ"),
        (None, False, "differ"),
        (None, None, "differ"),
        ("checked", None, "not run"),
    ],
)
def test_outcomes(level: Level | None, exact: bool | None, outcome: str) -> None:
    found = Finding(run_id="0", cell="a", level=level, exact=exact, reason="")
    assert sample.outcome(found) == outcome


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no results"):
        sample.below(tmp_path)
