"""Running rows again: who reproduces, who is refused, and why."""

from __future__ import annotations

from pathlib import Path

import pytest
from forging import HEAD, POLICY, bundle, flattered, rewrite, run
from hypothesis import given
from hypothesis import strategies as st

from leapbench.isolation.limits import Limits
from leapbench.leaderboards.submissions.verify.again import Wanted
from leapbench.leaderboards.submissions.verify.rerun import EpisodeComparison, excess
from leapbench.leaderboards.submissions.verify.verify import verify_bundle, verify_rows
from leapbench.leaderboards.verdict import Verdict
from leapbench.results.provenance import provenance
from leapbench.results.result import Result


def verified(path: Path, **wanted: object) -> Verdict:
    quick = Limits(cpu=20, wall=20)
    return verify_bundle(path, Wanted(limits=quick, **wanted), lambda fraction, line: None)


def reasons(verdict: Verdict) -> str:
    return " ".join(row.reason for row in verdict.rows)


def elsewhere(row: Result) -> Result:
    """A row as made on another processor."""
    return row.model_copy(update={"provenance": dict(row.provenance) | {"cpu": "another"}})


def test_rows_of_a_registered_agent_reproduce(runs: Path) -> None:
    run(runs)
    verdict = verified(bundle(runs))
    assert verdict.level == "reproduced"
    assert [(row.exact, row.difference) for row in verdict.rows] == [(True, 0.0)] * 2
    assert all(check.passed for check in verdict.checks)
    assert verdict.ran


def test_rows_of_a_file_reproduce_in_a_process_of_their_own(runs: Path, policy: Path) -> None:
    agent = f"{policy}:Same"
    run(runs, agent)
    verdict = verified(bundle(runs, agent))
    assert verdict.level == "reproduced"
    assert "inside bubblewrap" in verdict.isolation


def test_without_a_rerun_rows_are_checked_and_numbers_self_reported(runs: Path) -> None:
    run(runs)
    assert verified(bundle(runs), rerun=False).level == "checked"
    assert verified(bundle(runs), seeds=(0,)).level == "checked"
    verdict = verified(bundle(runs, name="numbers", numbers=True))
    assert verdict.level == "self-reported"
    assert "there are only its numbers" in reasons(verdict)


def test_bare_rows_of_registered_agents_reproduce(runs: Path) -> None:
    rows = run(runs)
    assert verify_rows(rows, Wanted(), lambda fraction, line: None).level == "reproduced"


@pytest.mark.parametrize("place", ["here", "elsewhere"])
def test_invented_episodes_from_which_everything_follows_are_refused(
    runs: Path, place: str
) -> None:
    run(runs)
    rewrite(runs, flattered)
    if place == "elsewhere":  # a forger may name any processor
        rewrite(runs, elsewhere)
    path = bundle(runs)
    assert verified(path, rerun=False).level == "checked"
    verdict = verified(path)
    assert verdict.level == "refused"
    assert "not reproduced" in reasons(verdict)


def test_rows_from_another_processor_may_differ_a_little(runs: Path) -> None:
    run(runs, seeds="0")

    def nudge(row: Result) -> Result:
        hits = list(row.episodes["hits"])
        hits[0] += 0.125 if hits[0] < 0.5 else -0.125
        score = sum(hits) / len(hits)
        numbers = {"metrics": {"hits": score}, "score": score, "normalised": score}
        return row.model_copy(update={"episodes": row.episodes | {"hits": hits}, **numbers})

    rewrite(runs, nudge)
    near = verified(bundle(runs), tolerance=0.05)
    assert (near.level, near.rows[0].exact) == ("reproduced", False)
    assert "the re-run counts" in reasons(near)
    assert verified(bundle(runs, name="strict"), tolerance=0.001).level == "refused"
    rewrite(runs, elsewhere)  # what a row says of its machine loosens nothing
    assert verified(bundle(runs, name="other"), tolerance=0.001).level == "refused"


def test_code_that_did_not_make_the_rows_is_refused(runs: Path, policy: Path) -> None:
    agent = f"{policy}:Same"
    run(runs, agent, seeds="0")
    path = bundle(runs, agent)
    policy.write_text((HEAD + POLICY).replace("> 0.5", "> 0.9"))
    from leapbench.leaderboards.submissions.bundle.pack import described, pack
    from leapbench.leaderboards.submissions.bundle.read import open_bundle

    honest = open_bundle(path)
    files = {name: honest.read(name) for name in honest.manifest.files}
    files["code/same.py"] = policy.read_bytes()
    swapped = honest.manifest.model_copy(update={"files": described(files)})
    path.write_bytes(pack(swapped, files))
    verdict = verified(path)
    assert verdict.level == "refused"
    assert "is not what 'same.py:Same' was made from" in verdict.checks[0].detail


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("raise RuntimeError('no')", "failed"),
        ("import os; os._exit(3)", "failed"),
        ("return np.full(len(observation), 7), state", "invalid"),
        ("[None for _ in iter(int, 1)]", "timeout"),
    ],
)
def test_an_agent_that_breaks_when_run_again_is_refused(
    runs: Path, policy: Path, body: str, status: str
) -> None:
    # A guest's environment is scrubbed, so it does not know that it is tested.
    broken = f"if 'PYTEST_CURRENT_TEST' not in __import__('os').environ: {body}"
    text = (HEAD + POLICY).replace("        return (obs", f"        {broken}\n        return (obs")
    policy.write_text(text)
    agent = f"{policy}:Same"
    run(runs, agent, seeds="0")
    path = bundle(runs, agent)
    verdict = verify_bundle(path, Wanted(limits=Limits(cpu=2, wall=4)), lambda f, line: None)
    assert verdict.level == "refused"
    assert f"the re-run ended as {status}" in reasons(verdict)


def test_what_cannot_be_run_here_stays_checked(runs: Path) -> None:
    run(runs, seeds="0")

    def other_code(row: Result) -> Result:
        model, acting = row.agent.parts
        acting = acting.model_copy(update={"version": 9})
        agent = row.agent.model_copy(update={"parts": (model, acting)})
        return row.model_copy(update={"agent": agent})

    rows = [other_code(row) for row in run(runs, seeds="0")]
    verdict = verify_rows(rows, Wanted(), lambda fraction, line: None)
    assert verdict.level == "checked"
    assert "is of version 1 here, not 9" in reasons(verdict)


def test_settings_that_a_part_does_not_have_reach_no_constructor(runs: Path) -> None:
    (row,) = run(runs, seeds="0")
    for change in ({"rate": "0.5"}, {"path": "/etc/passwd"}):
        model, acting = row.agent.parts
        acting = acting.model_copy(update={"config": acting.config | change})
        agent = row.agent.model_copy(update={"parts": (model, acting)})
        odd = row.model_copy(update={"agent": agent})
        verdict = verify_rows([odd], Wanted(), lambda fraction, line: None)
        assert (verdict.level, verdict.ran) == ("refused", False)
        assert "settings: toy-guess ran with" in reasons(verdict)


def test_a_registered_part_that_goes_on_for_ever_is_stopped(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (row,) = run(runs, seeds="0")
    monkeypatch.setenv("TOYS_HANG", "0")
    verdict = verify_rows([row], Wanted(limits=Limits(wall=0.2)), lambda fraction, line: None)
    assert verdict.level == "refused"
    assert "ended as timeout" in reasons(verdict)


def test_failed_rows_are_not_run_again(runs: Path, policy: Path) -> None:
    policy.write_text(
        (HEAD + POLICY).replace("        return (obs", "        1 / 0\n        return (obs")
    )
    agent = f"{policy}:Same"
    (row,) = run(runs, agent, seeds="0")
    assert row.status == "failed"
    verdict = verified(bundle(runs, agent))
    assert (verdict.level, verdict.ran) == ("checked", False)


@given(st.lists(st.floats(-0.04, -0.03), min_size=3, max_size=8))
def test_rows_that_are_always_a_little_better_than_their_reruns_are_found(
    gaps: list[float],
) -> None:
    assert "better than their re-runs" in excess(gaps)
    assert not excess([-gap for gap in gaps])
    assert not excess(gaps[:2])
    assert not excess([gap * (-1) ** place for place, gap in enumerate(gaps)])


def test_a_forger_elsewhere_cannot_stay_below_the_tolerance(runs: Path) -> None:
    run(runs, seeds="0-3")

    def better(row: Result) -> Result:
        hits = list(row.episodes["hits"])
        hits[hits.index(min(hits))] += 0.2
        score = sum(hits) / len(hits)
        numbers = {"metrics": {"hits": score}, "score": score, "normalised": score}
        return row.model_copy(update={"episodes": row.episodes | {"hits": hits}, **numbers})

    rewrite(runs, better)
    rewrite(runs, elsewhere)
    verdict = verified(bundle(runs))
    assert verdict.level == "checked"
    assert "over 4 seeds the rows are better" in reasons(verdict)


comparisons = st.builds(
    EpisodeComparison,
    differing=st.integers(0, 5),
    difference=st.floats(-1, 1),
    failure=st.sampled_from(["", "ended as failed"]),
    forged=st.sampled_from(["", "no budget used"]),
    unlike=st.sampled_from(["", "other details"]),
)


@given(comparisons, st.floats(0, 1))
def test_no_row_is_reproduced_that_differs_by_more_than_is_allowed(
    found: EpisodeComparison, tolerance: float
) -> None:
    level, reason = found.verdict(tolerance)
    if level == "reproduced":
        assert not any((found.failure, found.forged, found.unlike))
        assert abs(found.difference) <= tolerance
    assert bool(reason) == (level != "reproduced" or not found.exact)


def test_the_verdict_names_who_verified(runs: Path) -> None:
    run(runs, seeds="0")
    verdict = verified(bundle(runs))
    assert verdict.verifier["python"] == provenance()["python"]
    assert verdict.date.startswith("20")
    assert Verdict.model_validate_json(verdict.model_dump_json()) == verdict
