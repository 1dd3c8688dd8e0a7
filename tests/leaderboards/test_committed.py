"""The committed rows: valid, current, and following from their episodes."""

from __future__ import annotations

from pathlib import Path

import pytest

from leapbench.contract import registry
from leapbench.leaderboards.adopt import RESULTS, adopt, refusal
from leapbench.leaderboards.board import load
from leapbench.leaderboards.verdict import Ledger
from leapbench.results import packed, result
from leapbench.results.result import Result
from leapbench.studies.earlyexit.plot import absolute, paired

FOLDERS = sorted({path.parent for path in RESULTS.glob("*/*/*/*.json")})
DIGITS = registry.task("earlyexit/digits")


def row() -> Result:
    """One committed row on digits."""
    return packed.read_all(RESULTS / "earlyexit/digits/smoke/msdnet+confidence.json")[0]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda f: "/".join(f.parts[-3:]))
def test_every_committed_row_could_be_adopted_again(folder: Path) -> None:
    for path in packed.paths(folder):
        rows = packed.read_all(path)
        assert len(rows) >= 3, path
        for found in rows:
            assert refusal(found) == "", path
            assert found.agent.folder == path.stem
            assert found.metrics.get("violations", 0) == 0


def test_rows_that_should_not_stand_are_refused() -> None:
    good = row()
    part = good.agent.parts[0]
    changed = good.agent.model_copy(
        update={
            "parts": (
                part.model_copy(
                    update={
                        "settings": {"lr_factor": 2.0},
                        "config": part.config | {"lr_factor": 2.0},
                    }
                ),
            )
        }
    )
    lied = good.agent.model_copy(
        update={"parts": (part.model_copy(update={"config": {"lr_factor": 2.0}}),)}
    )
    spoiled = {
        "ran with": {"agent": lied},
        "it ended as": {"status": "failed"},
        "protocol": {"protocol_hash": "0" * 16},
        "not committed": {"provenance": dict(good.provenance) | {"dirty": True}},
        "the episodes give": {"metrics": dict(good.metrics) | {"accuracy": 0.99}},
        "not the defaults": {"agent": changed},
    }
    for reason, update in spoiled.items():
        assert reason in refusal(good.model_copy(update=update))


def test_adopting_packs_good_rows_and_names_the_others(tmp_path: Path) -> None:
    runs, into = tmp_path / "runs", tmp_path / "into"
    place = "earlyexit/digits/smoke/msdnet+confidence"
    first, second, *_ = packed.read_all(RESULTS / f"{place}.json")
    for good in (first, second):  # one after the other: what was adopted before stays
        result.write(good, runs / place / f"seed-{good.seed}.json")
        (runs / place / "seed-9.json").write_text("{}")
        taken, refused = adopt(DIGITS, "smoke", runs, into)
        assert len(refused) == 1
        assert "seed-9.json" in refused[0]
        (runs / place / f"seed-{good.seed}.json").unlink()
    assert taken == 1
    assert packed.read_all(into / f"{place}.json") == (first, second)


def test_curves_of_a_row_against_itself_are_flat() -> None:
    board = load(DIGITS.protocols["smoke"])
    mine = board.defaults["msdnet+confidence"]
    assert all(gap.value == gap.low == gap.high == 0 for _, gap in paired(mine, mine))
    costs = [cost for cost, _ in absolute(mine)]
    assert costs == sorted(costs)
    mean = sum(point.value for _, point in absolute(mine)) / len(costs)
    assert mean == pytest.approx(100 * mine.score.value)


def test_committed_verdicts_are_about_committed_rows_and_found_nothing_wrong() -> None:
    rows = {row.run_id for path in packed.below(RESULTS) for row in packed.read_all(path)}
    verdicts = Ledger(RESULTS.parent / "verdicts").verdicts()
    assert verdicts
    for verdict in verdicts:
        assert verdict.passed
        assert verdict.verifier["dirty"] is False
        assert {row.run_id for row in verdict.rows} <= rows
    badge = Ledger(RESULTS.parent / "verdicts").badges
    assert badge[row().run_id] == "reproduced"
