"""What comes from outside is bounded once, by the same types wherever it comes in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from test_result import make

from leapbench.errors import UserError
from leapbench.leaderboards.submissions.bundle.manifest import Entrant
from leapbench.leaderboards.verdict import Check, Finding, Ledger, Verdict
from leapbench.results import result
from leapbench.results.values import LARGEST, LONGEST

ODD = "a\x1b[31m\udcff\u202eb"
CLEAN = "a\ufffd[31m\ufffd\ufffdb"


@pytest.mark.parametrize(
    "changes",
    [
        {"timing": {"cpu": 1.7e308}},
        {"timing": {"wall": 1e11}},
        {"timing": {"cpu": -1e-9}},
        {"score": 1e200},
        {"score": -1e16},
        {"normalised": 2**54},
        {"metrics": {"a": 1e16}},
        {"metrics": {"a": "1"}},
        {"details": {"a": 1e200}},
        {"details": {"a": [{"b": 12345678901234567890}]}},
        {"details": {"a": -1e16}},
        {"episodes": {"a": [1e300]}},
        {"provenance": {"threads": 10**400}},
        {"provenance": {"x": "x" * (LONGEST + 1)}},
        {"message": "x" * (LONGEST + 1)},
        {"budget": [{"phase": "p", "unit": "u", "used": 2**60, "limit": 2**61}]},
    ],
)
def test_what_is_out_of_bounds_is_one_line(changes: dict[str, Any], tmp_path: Path) -> None:
    data = json.loads(result.serialise(make())) | changes
    path = tmp_path / "seed-0.json"
    path.write_text(json.dumps(data))
    with pytest.raises(UserError, match="not a valid result") as told:
        result.read(path)
    assert len(str(told.value).splitlines()) == 1
    assert len(str(told.value)) < 500


def test_the_largest_numbers_are_taken() -> None:
    most = {"a": LARGEST, "b": -LARGEST, "c": 0.12345678901234568, "d": 1e-300, "e+": "e+"}
    made = make(details=most, score=float(LARGEST), timing={"cpu": 1e10})
    assert result.parse(result.serialise(made), "x").details == most


def test_texts_are_cleaned_so_that_what_is_written_can_be_read(tmp_path: Path) -> None:
    made = make(message=ODD, details={"a": [ODD], ODD: None}, provenance={"x": ODD})
    result.write(made, tmp_path / "seed-0.json")
    found = result.read(tmp_path / "seed-0.json")
    assert found.message == found.provenance["x"] == found.details["a"][0] == CLEAN
    assert CLEAN in found.details


def test_verdicts_and_entrants_are_of_the_same_types() -> None:
    assert Check(name="a", passed=True, detail=ODD).detail == CLEAN
    assert Finding(run_id="a", cell=ODD, level=None, reason=ODD * 1000).reason[:9] == CLEAN
    assert len(Finding(run_id="a", cell="c", level=None, reason="x" * 10**6).reason) == LONGEST
    assert Finding(run_id="a", cell="c", level=None).changed(reason=ODD).reason == CLEAN
    assert Entrant(name="x", notes=ODD).notes == CLEAN
    for wrong in ({"difference": 1e200}, {"secret": float("nan")}, {"level": "gold"}):
        with pytest.raises(ValidationError):
            Finding(**{"run_id": "a", "cell": "c", "level": None} | wrong)


def test_a_verdict_with_a_thousand_long_reasons_is_read_again(tmp_path: Path) -> None:
    finding = Finding(
        run_id="a" * 16, cell="c" * 200, level=None, reason="\N{GRINNING FACE}" * 3000
    )
    ledger = Ledger(tmp_path)
    ledger.add(Verdict.of([Check(name="a", passed=True)], rows=(finding,) * 1000))
    assert len(ledger.verdicts()) == 1
    assert not ledger.problems


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[" * 10**5, b"\xff", b'{"date": 1e400}', b"null", b"x" * 50_000_000]
)
def test_a_bad_verdict_is_a_problem_and_the_others_count(tmp_path: Path, data: bytes) -> None:
    ledger = Ledger(tmp_path)
    good = Verdict.of([Check(name="a", passed=True)], subject="s")
    ledger.add(good)
    (tmp_path / "0.json").write_bytes(data)
    (tmp_path / "._0.json").write_bytes(b"\0")
    assert ledger.verdicts() == [good]
    assert len(ledger.problems) == 1
    assert len(ledger.problems[0]) < 500
