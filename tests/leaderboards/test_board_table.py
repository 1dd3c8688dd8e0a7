"""Tables of boards: order, ties, what is ranked, submissions, badges, several tasks."""

from __future__ import annotations

from itertools import permutations

import boards
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_board import PROTOCOL, TASK, board_of, made, names

from leapbench.contract.registry import tasks
from leapbench.leaderboards import tables
from leapbench.leaderboards.board import load
from leapbench.leaderboards.claims import findings
from leapbench.leaderboards.meanings import meaning
from leapbench.leaderboards.sources import Badges
from leapbench.leaderboards.verdict import Check, Finding, Ledger, Verdict
from leapbench.results import result

SCORES = st.dictionaries(
    st.sampled_from("abcdef"),
    st.lists(st.floats(0, 1) | st.none(), min_size=1, max_size=3),
    min_size=1,
)


def lines(table, *keys):
    return [tuple(row.cells[key].text for key in keys) for row in table.rows]


def spread(name, scores, **fields):
    return [made(name, seed, score, **fields) for seed, score in enumerate(scores)]


@given(SCORES, st.randoms())
def test_the_table_does_not_depend_on_the_order_of_the_files(scores, random):
    found = [one for name, each in scores.items() for one in spread(name, each)]
    found += [made(name, 0, 0.5) for name in scores]  # a second file of the same seed
    found = [r.model_copy(update={"run_id": r.digest()}) for r in found]
    before = tables.board_table(board_of(*found))
    random.shuffle(found)
    assert tables.board_table(board_of(*found)) == before


@given(SCORES)
def test_every_agent_is_in_the_table_once_with_its_status(scores):
    table = tables.board_table(board_of(*(r for n, s in scores.items() for r in spread(n, s))))
    shown = {row.cells["agent"].text: row for row in table.rows}
    assert shown.keys() == {f"{name}+confidence" for name in scores}
    assert len(table.rows) == len(scores)
    for name, each in scores.items():
        row = shown[f"{name}+confidence"]
        assert row.status == ("failed" if None in each else "ranked")
        assert (row.cells["rank"].value is None) == (row.status != "ranked")
        assert bool(row.cells["agent"].note) == (row.status == "failed")
        assert row.cells["n"].value == sum(score is not None for score in each)
    ranked = [row.cells["score"].value for row in table.rows if row.status == "ranked"]
    assert ranked == sorted(ranked, reverse=True)
    assert [row.status for row in table.rows] == sorted(
        (row.status for row in table.rows), key=["ranked", "failed"].index
    )


def test_rows_that_cannot_be_told_apart_share_ranks_and_a_group():
    clear = spread("top", [0.9 + s / 1000 for s in range(4)])
    tied = [
        r
        for i, m in enumerate("ab")
        for r in spread(m, [0.5 + 0.1 * ((s + i) % 2) for s in range(4)])
    ]
    table = tables.board_table(board_of(*clear, *tied))
    assert lines(table, "rank") == [("1",), ("2–3",), ("2–3",)]
    assert [row.cells["rank"].value for row in table.rows] == [1, 2, 3]
    assert [row.tie for row in table.rows] == [0, 1, 1]


def test_cells_hold_the_interval_the_budget_and_the_cost():
    spent = result.Spent(phase="train", unit="samples", used=30, limit=40)
    timing = result.Timing(cpu=2.0)
    board = board_of(*spread("a", [0.8, 0.9], budget=(spent,), timing=timing))
    (row,) = tables.board_table(board).rows
    # Mean 0.85; t(0.975, 1) = 12.7062 times the standard error 0.05.
    assert row.cells["score"].text == "0.8500 ± 0.6353"
    assert row.cells["score"].low == pytest.approx(0.85 - 0.63531, abs=1e-5)
    floor = PROTOCOL.metric.floor.value
    assert row.cells["normalised"].value == pytest.approx((0.85 - floor) / (1 - floor))
    assert (row.cells["spent"].text, row.cells["cpu"].text) == ("75%", "2.0")
    assert (row.cells["attempts"].text, row.cells["from"].text) == ("-", "yours")
    (one,) = tables.board_table(board_of(made("a", 0, 0.8))).rows
    assert one.cells["score"].text == "0.8000"
    assert one.cells["score"].low is one.cells["score"].high is None


def test_one_seed_has_no_interval_and_that_is_said_once():
    alone = tables.board_table(board_of(made("a", 0, 0.8), made("b", 0, 0.7)))
    assert alone.subtitle.endswith("1 seed: no interval")
    assert not any("one seed" in note for note in alone.notes)
    mixed = tables.board_table(board_of(*spread("a", [0.8, 0.9]), made("b", 0, 0.7)))
    assert mixed.subtitle.endswith("± is a 95 % interval over seeds")
    assert sum("without ± is that of one seed" in note for note in mixed.notes) == 1
    several = tables.board_table(board_of(*spread("a", [0.8, 0.9])))
    assert not any("one seed" in note for note in several.notes)


def test_every_score_of_the_suite_is_explained():
    for task in tasks().values():
        for protocol in task.protocols.values():
            assert meaning(protocol), (task.name, protocol.metric)
    column = next(c for c in tables.board_table(board_of()).columns if c.key == "score")
    assert column.legend == meaning(PROTOCOL)


def test_normalised_scores_follow_from_scores_whatever_a_file_says():
    board = board_of(*spread("liar", [0.5, 0.6], normalised=7.0))
    assert board.ranked[0].normalised.value < 0.6


def test_other_protocols_never_meet_the_current_one():
    board = board_of(*spread("a", [0.9, 0.8]), *spread("a", [0.1, 0.2], protocol_hash="0" * 16))
    (row,) = board.ranked
    assert row.scores == {0: 0.9, 1: 0.8}
    table = tables.board_table(board)
    assert len(table.rows) == 1
    assert "1 rows of another protocol" in " ".join(table.notes)
    assert table.meta["protocol_hash"] == PROTOCOL.hash
    two = [made("a", s, 0.1, protocol_hash=h * 16) for s, h in enumerate("01")]
    other = board_of(*two).other
    assert len(other) == 2
    assert len({row.label for row in other}) == 2


@pytest.mark.usefixtures("bare")
def test_equal_agents_of_two_entrants_are_told_apart(tmp_path):
    folder = boards.Folder(tmp_path)
    folder.add(spread("a", [0.8, 0.9]), "Ann", attempts=2)
    folder.add(spread("a", [0.8, 0.9]), "Bob")
    folder.add(spread("b", [0.7]), "Bob")
    runs = tmp_path / "runs"
    for i, mine in enumerate(spread("a", [0.6, 0.5])):
        result.write(mine, runs / TASK.name / "smoke" / "x" / f"seed-{i}.json")
    table = tables.board_table(load(PROTOCOL, runs, folder))
    assert set(lines(table, "agent", "attempts", "from")) == {
        ("a+confidence (Ann)", "2", "by Ann"),
        ("a+confidence (Bob)", "1", "by Bob"),
        ("a+confidence", "-", "yours"),
        ("b+confidence", "1", "by Bob"),
    }
    assert "Submitted rows" in " ".join(table.notes)


@pytest.mark.usefixtures("bare")
def test_entrants_of_one_name_are_told_apart_by_their_bundles(tmp_path):
    folder = boards.Folder(tmp_path)
    for key in ("ed25519:aaaa", "ed25519:bbbb", ""):
        folder.add(spread("a", [0.8]), "Ann", signed_by=key)
    labels = names(load(PROTOCOL, store=folder).ranked)
    assert len(set(labels)) == 3
    assert all(label.startswith("a+confidence (Ann, ") for label in labels)


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("order", list(permutations([0.9, 0.5, 0.7])))
def test_of_several_submissions_of_one_agent_the_last_counts_not_the_best(tmp_path, order):
    folder = boards.Folder(tmp_path)
    for day, score in enumerate(order, 1):
        folder.add([made("a", 0, score)], "Ann", attempts=3, received=f"2026-03-0{day}T00:00:00Z")
    folder.sent.reverse()
    (row,) = load(PROTOCOL, store=folder).ranked
    assert row.score.value == order[-1]


@pytest.mark.usefixtures("bare")
def test_a_submission_lends_no_seeds_to_other_rows(tmp_path):
    folder = boards.Folder(tmp_path)
    folder.add([made("a", 1, 0.9)], "Ann")
    runs = tmp_path / "runs"
    result.write(made("a", 0, 0.5), runs / TASK.name / "smoke" / "x" / "seed-0.json")
    found = {row.origin: row.scores for row in load(PROTOCOL, runs, folder).ranked}
    assert found == {"submitted": {1: 0.9}, "yours": {0: 0.5}}


@pytest.mark.usefixtures("bare")
def test_refused_rows_are_last_not_ranked_and_without_numbers(tmp_path):
    folder = boards.Folder(tmp_path)
    cheat = folder.add(spread("cheat", [0.99, 0.98]), "Eve")
    folder.add(spread("good", [0.8, 0.81]), "Ann")
    folder.add(spread("half", [0.7, None]), "Ann")
    folder.judge(cheat, ("reproduced", None))
    table = tables.board_table(load(PROTOCOL, store=folder))
    assert lines(table, "agent", "badge") == [
        ("good+confidence", "self-reported"),
        ("half+confidence", "self-reported"),
        ("cheat+confidence", "refused"),
    ]
    assert [row.status for row in table.rows] == ["ranked", "failed", "refused"]
    assert lines(table, "rank", "score", "normalised")[2] == ("–", "–", "–")
    assert table.rows[0].cells["rank"].high == 1


@pytest.mark.usefixtures("bare")
def test_a_badge_is_the_least_of_the_seeds_and_later_verdicts_count(tmp_path):
    folder = boards.Folder(tmp_path)
    sent = folder.add(spread("a", [0.8, 0.9]), "Ann")

    def badge():
        board = load(PROTOCOL, store=folder)
        return (*board.ranked, *board.refused)[0].badge

    assert badge() == "self-reported"
    folder.judge(sent, ("audited", "checked"), date="2026-03-02")
    assert badge() == "checked"
    folder.judge(sent, (None, None), date="2026-03-03")
    assert badge() == "refused"
    folder.judge(sent, ("reproduced", "reproduced"), date="2026-03-04")
    assert badge() == "reproduced"


@pytest.mark.usefixtures("bare")
def test_a_broken_copy_of_a_row_does_not_have_the_row_refused(tmp_path):
    folder = boards.Folder(tmp_path)
    honest = folder.add(spread("a", [0.8, 0.9]), "Ann")
    copied = folder.add(spread("a", [0.8, 0.9]), "Eve")
    folder.judge(honest, ("audited", "audited"), date="2026-03-02")
    folder.judge(copied, (None, None), date="2026-03-03")
    board = load(PROTOCOL, store=folder)
    assert [(row.entrant, row.badge) for row in board.ranked] == [("Ann", "audited")]
    assert [(row.entrant, row.badge) for row in board.refused] == [("Eve", "refused")]


def test_a_bundle_that_failed_as_a_whole_is_refused(tmp_path):
    folder = boards.Folder(tmp_path)
    sent = folder.add(spread("a", [0.8]), "Ann")
    check = Check(name="hashes", passed=False, detail="x")
    folder.ledger.add(Verdict(subject=sent.id, date="2026-03-02", checks=(check,)))
    assert Badges([folder.ledger]).of(sent.results[0], sent) == "refused"
    assert Badges([folder.ledger]).of(sent.results[0]) == "self-reported"


def test_committed_rows_have_the_badges_of_the_package(tmp_path, monkeypatch):
    from leapbench.leaderboards import sources

    found = made("a", 0, 0.8)
    result.write(found, tmp_path / "results" / TASK.name / "smoke" / "a" / "seed-0.json")
    row = Finding(run_id=found.digest(), cell="c", level="reproduced")
    check = Check(name="re-run", passed=True)
    Ledger(tmp_path / "verdicts").add(Verdict(date="2026-03-01", checks=(check,), rows=(row,)))
    monkeypatch.setattr(sources, "package", lambda: tmp_path)
    assert [row.badge for row in load(PROTOCOL).ranked] == ["reproduced"]


@pytest.mark.usefixtures("bare")
def test_a_copy_of_a_row_is_told(tmp_path):
    folder = boards.Folder(tmp_path)
    folder.add(spread("a", [0.8, 0.9]), "Eve", received="2026-03-02")
    folder.add(spread("a", [0.8, 0.9]), "Ann", received="2026-03-01")
    folder.add(spread("a", [0.8, 0.7]), "Bob", received="2026-03-03")
    table = tables.board_table(load(PROTOCOL, store=folder))
    notes = {row.cells["from"].text: row.cells["agent"].note for row in table.rows}
    assert notes == {
        "by Ann": "",
        "by Bob": "",
        "by Eve": "the same results as a+confidence (Ann)",
    }


@pytest.mark.usefixtures("bare")
def test_a_stranger_does_not_speak_for_a_claim(tmp_path):
    folder = boards.Folder(tmp_path)
    folder.add(spread("l2w-den", [0.9, 0.91]), "Eve")
    folder.add(spread("msdnet", [0.1, 0.11]), "Eve")
    board = load(PROTOCOL, store=folder)
    assert len(board.ranked) == 2
    assert {finding.verdict for finding in findings(TASK, board)} == {"not tested"}
