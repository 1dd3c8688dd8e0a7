"""`verify` on bundles, results and boards: what is filed, what is not done twice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from forging import bundle, flattered, rewrite, run

from leapbench.contract import registry
from leapbench.errors import UserError
from leapbench.isolation.limits import MIB, Limits
from leapbench.leaderboards.board import load
from leapbench.leaderboards.submissions.bundle.manifest import Entrant
from leapbench.leaderboards.submissions.gather import bundle as packed
from leapbench.leaderboards.submissions.gather import gather
from leapbench.leaderboards.submissions.rounds import Rounds
from leapbench.leaderboards.submissions.store import SubmissionStore
from leapbench.leaderboards.submissions.verify import queue
from leapbench.leaderboards.submissions.verify.again import Wanted
from leapbench.leaderboards.submissions.verify.bounds import bounds
from leapbench.leaderboards.submissions.verify.session import Asked, verify
from leapbench.leaderboards.submissions.verify.verify import verify_bundle
from leapbench.leaderboards.verdict import Ledger, Verdict
from leapbench.results import result
from leapbench.running import cell
from leapbench.running.plan import plan
from leapbench.testing import small_task, standing_in


def done(subject: Path, **asked: object) -> list:
    return list(verify(Asked(subject, **asked), lambda fraction, line: None))


@pytest.fixture
def board(runs: Path, tmp_path: Path) -> Path:
    """A board with one submission."""
    run(runs, seeds="0")
    SubmissionStore(tmp_path / "board", create=True).add(bundle(runs))
    return tmp_path / "board"


@pytest.fixture(autouse=True)
def own_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def test_a_board_is_verified_once_and_keeps_its_verdicts(board: Path) -> None:
    (verdict,) = done(board)
    assert verdict.level == "reproduced"
    assert SubmissionStore(board).ledger.verdicts() == [verdict]
    assert done(board) == []
    assert done(board, rerun=False) == []
    assert len(done(board, again=True)) == 1


def test_a_look_does_not_stand_in_for_a_rerun(board: Path) -> None:
    (looked,) = done(board, rerun=False)
    assert looked.level == "checked"
    (ran,) = done(board)
    assert ran.level == "reproduced"


def test_only_what_arrived_after_the_hash_is_audited(board: Path, runs: Path) -> None:
    opened = Rounds(board).open()
    (late,) = done(board, audit=True)
    assert late.level == "reproduced"
    assert "not audited: it arrived" in late.checks[-1].detail
    SubmissionStore(board).add(bundle(runs, name="other"))
    (verdict,) = done(board, audit=True)
    assert verdict.commitment == opened.commitment
    assert verdict.rows[0].secret is not None
    assert done(board, audit=True) == []


def test_a_bundle_and_bare_results_can_be_filed_anywhere(
    board: Path, runs: Path, tmp_path: Path
) -> None:
    (verdict,) = done(bundle(runs, name="other"), board=board, ledger=tmp_path / "ledger")
    assert Ledger(tmp_path / "ledger").verdicts() == [verdict]
    assert verdict in SubmissionStore(board).ledger.verdicts()
    (rows,) = done(runs, ledger=tmp_path / "ledger")
    assert rows.subject == ""
    row = next(runs.rglob("seed-0.json"))
    assert done(row)[0].level == "reproduced"


def test_broken_files_are_refused_beside_good_ones(runs: Path) -> None:
    run(runs, seeds="0")
    (runs / "coins" / "seed-9.json").write_text("{}")
    good, bad = done(runs)
    assert (good.level, bad.level) == ("reproduced", "refused")
    assert "seed-9.json" in bad.checks[0].detail


def test_a_refused_bundle_is_a_verdict_too(board: Path, tmp_path: Path) -> None:
    path = tmp_path / "bad.zip"
    path.write_bytes(b"no archive")
    (verdict,) = done(path, board=board)
    assert verdict.level == "refused"
    assert len(verdict.subject) == 64
    assert verdict in SubmissionStore(board).ledger.verdicts()


def test_a_forged_submission_is_refused_on_its_board(runs: Path, tmp_path: Path) -> None:
    run(runs, seeds="0")
    rewrite(runs, flattered)
    SubmissionStore(tmp_path / "board", create=True).add(bundle(runs))
    (verdict,) = done(tmp_path / "board")
    assert verdict.level == "refused"
    row = result.read(next(runs.rglob("seed-0.json")))
    assert SubmissionStore(tmp_path / "board").ledger.badges == {row.run_id: "refused"}


def test_mistakes_are_told(board: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No round is open"):
        done(board, audit=True)
    with pytest.raises(UserError, match="An audit needs a board"):
        done(tmp_path / "x.zip", audit=True)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no bundle, no board"):
        done(tmp_path / "empty")


@pytest.mark.parametrize("error", [UserError("it is gone"), RecursionError("too deep")])
def test_one_bad_submission_does_not_stop_the_queue(
    board: Path, runs: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    SubmissionStore(board).add(bundle(runs, name="other"))
    first, second = SubmissionStore(board).submissions()
    real = queue.verify_bundle

    def sometimes(path: Path, *rest: object) -> Verdict:
        if first.id in path.name:
            raise error
        return real(path, *rest)

    monkeypatch.setattr(queue, "verify_bundle", sometimes)
    with pytest.warns(UserWarning, match=f"{first.id[:16]} was not verified"):
        verdicts = done(board)
    assert [verdict.subject for verdict in verdicts] == [second.id]


def test_a_bad_verdict_stops_neither_the_queue_nor_the_board(board: Path) -> None:
    (SubmissionStore(board).ledger.folder).mkdir(exist_ok=True)
    (SubmissionStore(board).ledger.folder / "0.json").write_text("{")
    with pytest.warns(UserWarning, match="0.json is not a valid verdict"):
        (verdict,) = done(board)
    assert verdict.level == "reproduced"
    protocol = registry.task("coins/small").protocols["smoke"]
    shown = load(protocol, store=SubmissionStore(board), committed=False)
    assert shown.ranked[0].badge == "reproduced"
    assert any("0.json" in line for line in shown.problems)


def test_a_setting_cannot_take_the_memory_of_the_verifier() -> None:
    with pytest.raises(MemoryError), bounds(60, 64 * MIB):
        np.ones(2**28)
    with bounds(60, 64 * MIB):
        np.ones(2**20)
    assert np.ones(2**25).size == 2**25  # the bound is gone


def test_a_setting_that_takes_all_memory_is_one_refused_row(tmp_path: Path) -> None:
    """A submission of a registered agent with 40 million hidden units, whose rows are invented."""
    name, runs = "urlb/entropy-point", tmp_path / "runs"
    with standing_in(small_task(name)):
        small = registry.agents_of("urlb")["ddpg"].small
        lesser = tuple(f"{key}={value}" for key, value in small.items() if key != "hidden")
        (honest,) = plan(name, "smoke", ["ddpg"], "0", (*lesser, "hidden=8"), runs)
        (huge,) = plan(name, "smoke", ["ddpg"], "0", (*lesser, "hidden=40000000"), runs)
        row = cell.run(honest, lambda fraction, line: None)
        assert row.status == "ok", row.message
        invented = {"agent": huge.composition.record()}
        result.write(row.model_copy(update=invented), huge.path)
        rows = gather(name, "ddpg", "smoke", runs, huge.settings)
        path = tmp_path / "huge.zip"
        path.write_bytes(packed(rows, Entrant(name="someone"), None))
        limits = Limits(memory=256 * MIB, wall=60)
        verdict = verify_bundle(path, Wanted(limits=limits), lambda fraction, line: None)
    assert verdict.level == "refused"
    assert "the re-run ended as failed" in verdict.rows[0].reason
    assert "can't allocate memory" in verdict.rows[0].reason
