"""Rows, ranking, intervals and verdicts from result files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leapbench.contract.card import Claim
from leapbench.contract.registry import task
from leapbench.leaderboards import sources
from leapbench.leaderboards.board import BoardEntry, assemble, load
from leapbench.leaderboards.claims import judge, resolved, verdict
from leapbench.leaderboards.commands import run_command
from leapbench.leaderboards.statistics import mean_interval
from leapbench.leaderboards.tables import board_table
from leapbench.results import result
from leapbench.results.result import AgentRecord, Part, Result

TASK = task("earlyexit/digits")
PROTOCOL = TASK.protocols["smoke"]
CLAIM = Claim(name="c", agent="l2w-den", over="msdnet", effect=0.01, unit="accuracy")


def made(model, seed, score, *, policy="confidence", version=1, ranked=True, settings=(), **fields):
    parts = (
        Part(name=model, role="model", version=version, settings=dict(settings)),
        Part(name=policy, role="policy"),
    )
    ok = score is not None
    defaults = {
        "status": "ok" if ok else "failed",
        "task": TASK.name,
        "tier": "smoke",
        "protocol_hash": PROTOCOL.hash,
        "agent": AgentRecord(name=f"{model}+{policy}", parts=parts, ranked=ranked),
        "seed": seed,
        "score": score,
        "normalised": PROTOCOL.metric.normalise(score) if ok else None,
    }
    return Result(**(defaults | fields))


def board_of(*found, origin="yours"):
    return assemble(PROTOCOL, [BoardEntry(r, Path("x"), origin) for r in found])


def names(rows):
    return [row.label for row in rows]


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.floats(0, 1), min_size=1))
def test_ranking_is_by_mean_score_and_holds_every_row(scores):
    found = [made(name, seed, score) for name, score in scores.items() for seed in range(2)]
    board = board_of(*found)
    means = [row.score.value for row in board.ranked]
    assert means == sorted(means, reverse=True)
    assert {row.agent.parts[0].name for row in board.ranked} == set(scores)
    for place, row in enumerate(board.ranked, 1):
        assert board.ranks[row.key].low <= place <= board.ranks[row.key].high


def test_only_whole_rows_of_this_protocol_that_may_be_ranked_are():
    board = board_of(
        made("good", 0, 0.8),
        made("oracle", 0, 0.9, ranked=False),
        made("half", 0, 0.99),
        made("half", 1, None, message="broke"),
        made("old", 0, 0.95, protocol_hash="0" * 16),
    )
    assert names(board.ranked) == ["good+confidence"]
    assert names(board.unranked) == ["oracle+confidence"]
    assert names(board.failed) == ["half+confidence"]
    assert [r.message for r in board.failed[0].failures] == ["broke"]
    assert names(board.other) == ["old+confidence"]
    assert board.unranked[0].key not in board.ranks


def test_other_versions_and_other_settings_are_other_rows():
    board = board_of(
        made("msdnet", 0, 0.5),
        made("msdnet", 1, 0.6),
        made("msdnet", 0, 0.7, settings={"lr_factor": 2.0}),
        made("msdnet", 0, 0.4, version=2),
    )
    labels = names(board.ranked)
    assert len(set(labels)) == 3
    assert "msdnet+confidence lr_factor=2.0" in labels
    assert sum(label.startswith("msdnet+confidence@") for label in labels) == 2
    assert len(board.defaults["msdnet+confidence"].scores) == 2


def test_what_was_changed_is_in_the_name_and_in_the_command():
    board = board_of(made("msdnet", 0, 0.7), made("msdnet", 0, 0.6, settings={"lr_factor": 1.0}))
    assert [row.plain for row in board.ranked] == [True, False]
    assert "--set" not in run_command(board.ranked[0], PROTOCOL)
    assert "msdnet.lr_factor=1.0" in run_command(board.ranked[1], PROTOCOL)


def test_a_users_file_does_not_speak_for_a_declared_name():
    own = made("msdnet", 0, 0.9).agent
    parts = (own.parts[0].model_copy(update={"file_hash": "0" * 16}), own.parts[1])
    board = board_of(
        made("msdnet", 0, 0.5),
        made("msdnet", 0, 0.9, agent=AgentRecord(name=own.name, parts=parts)),
    )
    assert board.defaults["msdnet+confidence"].scores == {0: 0.5}
    assert len(set(names(board.ranked))) == 2


def test_a_seed_that_is_committed_and_ones_own_counts_once():
    entries = [
        BoardEntry(made("a", seed, 0.5), Path("x"), origin)
        for origin in ("yours", "committed")
        for seed in range(3)
    ]
    board = assemble(PROTOCOL, entries)
    (row,) = board.ranked
    assert (len(row.scores), row.origin) == (3, "committed")
    assert board.twice == 3
    assert "3 results of yours are of seeds that committed rows" in " ".join(
        board_table(board).notes
    )
    assert board_of(made("a", 0, 0.5)).twice == 0


def test_files_are_read_from_both_places_and_bad_ones_named(tmp_path, monkeypatch):
    package, runs = tmp_path / "package", tmp_path / "runs"
    monkeypatch.setattr(sources, "committed_root", lambda: package)
    for root, name in ((package, "theirs"), (runs, "mine")):
        result.write(made(name, 0, 0.5), root / TASK.name / "smoke" / name / "seed-0.json")
    bad = runs / TASK.name / "smoke" / "bad" / "seed-0.json"
    bad.parent.mkdir()
    bad.write_text("{}")
    board = load(PROTOCOL, runs)
    assert {row.label: row.origin for row in board.ranked} == {
        "theirs+confidence": "committed",
        "mine+confidence": "yours",
    }
    assert len(board.problems) == 1
    assert str(bad) in board.problems[0]
    assert names(load(PROTOCOL).ranked) == ["theirs+confidence"]


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ([0.83, 0.84, 0.82], [0.80, 0.81, 0.795], "reproduced"),
        ([0.80, 0.81, 0.795], [0.83, 0.84, 0.82], "contradicted"),
        ([0.80, 0.85, 0.80], [0.82, 0.80, 0.84], "not distinguishable"),
        ([0.80], [0.70], "not tested"),
        ([], [0.70], "not tested"),
    ],
)
def test_verdict_of_a_claim(ours, theirs, expected):
    found = [made("l2w-den", seed, score) for seed, score in enumerate(ours)]
    found += [made("msdnet", seed, score) for seed, score in enumerate(theirs)]
    finding = judge(CLAIM, TASK, board_of(*found))
    assert finding.verdict == expected
    assert bool(finding.reason) == (expected == "not tested")


def test_differences_are_paired_over_common_seeds_only():
    found = [made("l2w-den", seed, 0.5 + 0.1 * seed) for seed in (0, 1, 2, 3)]
    found += [made("msdnet", seed, 0.49 + 0.1 * seed) for seed in (2, 3, 4)]
    finding = judge(CLAIM, TASK, board_of(*found))
    assert finding.seeds == (2, 3)
    assert finding.effect.value == pytest.approx(0.01)
    assert finding.effect.high - finding.effect.low == pytest.approx(0, abs=1e-9)
    points = judge(CLAIM.model_copy(update={"unit": "points"}), TASK, board_of(*found))
    assert points.effect.value == pytest.approx(1.0)


def test_changed_settings_do_not_speak_for_a_claim():
    found = [made("l2w-den", s, 0.9, settings={"epsilon": 0.9}) for s in range(3)]
    found += [made("msdnet", s, 0.8) for s in range(3)]
    finding = judge(CLAIM, TASK, board_of(*found))
    assert (finding.verdict, finding.reason) == ("not tested", "no row of l2w-den+confidence")


def test_where_lower_is_better_a_claim_is_about_less():
    down = mean_interval([-1.0, -1.1, -0.9])
    assert verdict(down, higher_is_better=False) == "reproduced"
    assert verdict(down, higher_is_better=True) == "contradicted"


def test_claims_name_agents_as_users_do():
    assert resolved(TASK, "msdnet") == "msdnet+confidence"
    assert resolved(TASK, "not-written-yet") == "not-written-yet"
