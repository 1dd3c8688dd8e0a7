"""The whole evidence counts: what a forger may change, and what it comes to."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from forging import HEAD, POLICY, TASK, bundle, rewrite, run

from leapbench.contract import registry
from leapbench.errors import UserError
from leapbench.isolation.limits import Limits
from leapbench.leaderboards import board
from leapbench.leaderboards.submissions.bundle.manifest import Entrant, identity
from leapbench.leaderboards.submissions.store import SubmissionStore
from leapbench.leaderboards.submissions.verify import again
from leapbench.leaderboards.submissions.verify.again import Wanted
from leapbench.leaderboards.submissions.verify.rerun import close, compare
from leapbench.leaderboards.submissions.verify.verify import verify_bundle, verify_rows
from leapbench.results.result import Result, Timing

QUIET = lambda fraction, line: None  # noqa: E731


def changed(row: Result, **changes: Any) -> Result:
    return row.model_copy(update=changes)


def unpaid(row: Result) -> Result:
    return changed(row, budget=tuple(changed(each, used=0) for each in row.budget))


def episodes(row: Result, places: Iterable[int]) -> Result:
    """The row with some of its episodes, and everything that follows from them."""
    kept = {name: tuple(values[i] for i in places) for name, values in row.episodes.items()}
    score = sum(kept["hits"]) / max(1, len(kept["hits"]))
    numbers = {"metrics": {"hits": score}, "score": score, "normalised": score}
    return changed(row, episodes=kept, **numbers)


EDITS = {
    "nothing spent": (unpaid, None, "budget used"),
    "one step less": (
        lambda r: changed(r, budget=(r.budget[0], changed(r.budget[1], used=r.budget[1].used + 1))),
        None,
        "budget used",
    ),
    "no time": (
        lambda r: changed(r, timing=changed(r.timing, cpu=-5.0)),
        None,
        "-5 CPU seconds, the re-run took",
    ),
    "details": (lambda r: changed(r, details={"found": 1}), "checked", "its details are others"),
    "nested": (lambda r: changed(r, details={"a": [{"b": 1.0}]}), "checked", "its details"),
    "machine": (
        lambda r: changed(r, provenance=dict(r.provenance) | {"version:mine": "1", "cpu": "x"}),
        "reproduced",
        "",
    ),
    "wall": (lambda r: changed(r, timing=changed(r.timing, wall=1e6)), "reproduced", ""),
    "start": (lambda r: changed(r, timing=changed(r.timing, started="")), "reproduced", ""),
    "much time": (lambda r: changed(r, timing=changed(r.timing, cpu=1e5)), "reproduced", ""),
    "reused": (
        lambda r: changed(r, budget=tuple(changed(b, reused=True) for b in r.budget)),
        "reproduced",
        "",
    ),
    "nothing": (lambda r: r, "reproduced", ""),
    "more of one phase": (lambda r: changed(r, budget=(*r.budget, r.budget[0])), None, ""),
    "another's budget": (lambda r: changed(r, budget=r.budget[::-1]), None, ""),
    "more allowed": (
        lambda r: changed(r, budget=tuple(changed(b, limit=b.limit + 1) for b in r.budget)),
        None,
        "",
    ),
    "an episode twice": (lambda r: episodes(r, [0, 0, *range(2, 6)]), None, ""),
    "the best episodes": (lambda r: episodes(r, range(1, 6)), None, ""),
    "no episodes": (lambda r: episodes(r, ()), None, ""),
    "rounded up": (lambda r: changed(r, score=r.score + 1e-3), None, ""),
    "another scale": (lambda r: changed(r, normalised=r.normalised * 1.01), None, ""),
    "another metric": (lambda r: changed(r, metrics=dict(r.metrics) | {"x": 1.0}), None, ""),
    "an older protocol": (lambda r: changed(r, protocol_hash="0" * 16), None, ""),
}


@pytest.mark.parametrize("name", EDITS)
def test_what_is_edited_in_a_row_that_is_run_again(runs: Path, name: str) -> None:
    edit, level, reason = EDITS[name]
    (row,) = run(runs, seeds="0")
    verdict = verify_rows([edit(row)], Wanted(), QUIET)
    if level is None and not reason:  # it does not follow, so that nothing is run
        assert (verdict.level, verdict.ran) == ("refused", False)
        return
    (found,) = verdict.rows
    assert (found.level, reason in found.reason) == (level, True), found.reason


@pytest.mark.parametrize(("claimed", "forged"), [(0.0, True), (8.0, True), (9.5, False)])
def test_cpu_seconds_that_no_machine_explains(runs: Path, claimed: float, forged: bool) -> None:
    (row,) = run(runs, seeds="0")
    slow = changed(row, timing=Timing(started="", wall=200.0, cpu=100.0))
    found = compare(changed(row, timing=changed(row.timing, cpu=claimed)), slow)
    assert bool(found.forged) == forged


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ({"x": 1.0}, {"x": 1.0 + 1e-12}, True),
        ({"x": [1, 2]}, {"x": (1, 2)}, True),
        ({"x": 1}, {"y": 1}, False),
        ([1], [1, 2], False),
        ("a", "b", False),
        (None, 0, False),
        ([[0.5]], [[0.6]], False),
    ],
)
def test_details_are_compared_up_to_rounding(a: Any, b: Any, same: bool) -> None:
    assert close(a, b) == same


def test_a_board_shows_what_the_verifier_measured(runs: Path, tmp_path: Path) -> None:
    (honest,) = run(runs, seeds="0")

    def nudge(row: Result) -> Result:
        hits = list(row.episodes["hits"])
        hits[hits.index(min(hits))] += 0.125
        score = sum(hits) / len(hits)
        numbers = {"metrics": {"hits": score}, "score": score, "normalised": score}
        return unpaid(changed(row, episodes=row.episodes | {"hits": hits}, **numbers))

    rewrite(runs, nudge)
    store = SubmissionStore(tmp_path / "board", create=True)
    receipt = store.add(bundle(runs))
    verdict = verify_bundle(store.bundle(receipt.id), Wanted(tolerance=0.2), QUIET)
    store.ledger.add(verdict)
    assert verdict.level == "reproduced"
    (row,) = board.load(registry.task(TASK).protocols["smoke"], store=store).ranked
    assert row.scores == {0: honest.score}
    assert row.entries[0].result.budget == honest.budget
    assert verdict.rows[0].measured is not None
    assert row.cpu == verdict.rows[0].measured.cpu


@pytest.mark.parametrize("seeds", ["3", "1-2", "0,2", "0-1,3", "7,15,23"])
def test_the_best_of_many_seeds_cannot_be_picked(runs: Path, seeds: str) -> None:
    run(runs, seeds=seeds)
    with pytest.raises(UserError, match=r"has all from 0 on.*--seeds 0-"):
        bundle(runs)


@pytest.mark.parametrize("name", ["ada b", "Ada B", "ADA B ", "Ada  B", "\uff21da B", "Ada\tB"])
def test_attempts_are_counted_whatever_the_name_looks_like(name: str) -> None:
    assert identity("", Entrant(name=name)) == identity("", Entrant(name="Ada B"))
    assert identity("key", Entrant(name=name)) == "key"
    assert identity("", Entrant(name=name)) != identity("", Entrant(name="Ada C"))


@pytest.mark.parametrize("name", ["{tmp}/x/here", "../../x", "a/../../x", "x\\y", "..", "+", "a+b"])
def test_no_path_is_made_of_what_a_stranger_wrote(runs: Path, tmp_path: Path, name: str) -> None:
    rows = run(runs, seeds="0")
    before = set(tmp_path.rglob("*"))
    agent = rows[0].agent.model_copy(update={"name": name.replace("{tmp}", str(tmp_path))})
    verdict = verify_rows([changed(rows[0], agent=agent)], Wanted(salt="s"), QUIET)
    assert verdict.ran
    assert set(tmp_path.rglob("*")) == before


def test_the_first_refused_seed_ends_it(runs: Path, policy: Path) -> None:
    """Six time-outs in a row are not waited for."""
    hang = "if 'PYTEST_CURRENT_TEST' not in __import__('os').environ: [0 for _ in iter(int, 1)]"
    text = (HEAD + POLICY).replace("        return (obs", f"        {hang}\n        return (obs")
    policy.write_text(text)
    run(runs, f"{policy}:Same", seeds="0-5")
    path = bundle(runs, f"{policy}:Same")
    verdict = verify_bundle(path, Wanted(limits=Limits(wall=2)), QUIET)
    assert [row.level for row in verdict.rows] == [None, *["checked"] * 5]
    assert verdict.rows[5].reason == "not run again: another seed was refused"


def test_all_seeds_together_have_one_deadline(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = run(runs, seeds="0-3")
    monkeypatch.setattr(again, "TOTAL", 1e-9)
    verdict = verify_rows(rows, Wanted(), QUIET)
    assert [row.level for row in verdict.rows] == ["reproduced", *["checked"] * 3]
    assert "time for all its seeds is over" in verdict.rows[3].reason
