"""Tables of boards: order, ties, what is ranked, submissions, badges, several tasks."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import boards
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_board import PROTOCOL, TASK, board_of, made, names

from leapbench import result
from leapbench.errors import UserError
from leapbench.leaderboards import tables
from leapbench.leaderboards.board import Entry, assemble, load, of_task
from leapbench.leaderboards.overall import overall, parse_weights, task_weights
from leapbench.leaderboards.sources import Badges
from leapbench.leaderboards.statistics import mean_interval
from leapbench.leaderboards.verdict import Check, Finding, Ledger, Verdict
from leapbench.registry import task

FASHION = task("earlyexit/fashion-mnist").protocols["lite"]
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


def fashion(name, scores, **fields):
    where = {"task": FASHION.task, "tier": "lite", "protocol_hash": FASHION.hash}
    return spread(name, scores, **(where | fields))


def two_tasks(digits, others):
    entries = [[Entry(r, Path("x"), "yours") for r in each] for each in (digits, others)]
    return [assemble(p, e) for p, e in zip((PROTOCOL, FASHION), entries, strict=True)]


def test_an_agent_that_lacks_a_task_or_failed_on_one_is_shown_and_not_ranked():
    digits = [
        r for n in ("a", "b", "half", "oracle") for r in spread(n, [0.8, 0.9], ranked=n != "oracle")
    ]
    others = [*fashion("a", [0.5, 0.6]), *fashion("half", [0.9, None]), *fashion("c", [0.7])]
    others += fashion("oracle", [0.99], ranked=False)
    found = overall(two_tasks(digits, others))
    table = tables.overall_table("All", found)
    shown = {row.cells["agent"].text.partition("+")[0]: row for row in table.rows}
    assert {name: row.status for name, row in shown.items()} == {
        "a": "ranked",
        "b": "incomplete",
        "half": "incomplete",
        "c": "incomplete",
        "oracle": "unranked",
    }
    assert list(shown) == ["a", "half", "b", "c", "oracle"]
    assert shown["half"].cells[FASHION.task].text == "failed"
    assert shown["b"].cells[FASHION.task].text == "missing"
    assert shown["b"].cells["mean"].value is None
    assert shown["a"].cells["rank"].text == "1"


@pytest.mark.usefixtures("bare")
def test_a_refused_row_keeps_its_agent_out_of_the_mean(tmp_path):
    folder = boards.Folder(tmp_path)
    folder.add(spread("a", [0.8, 0.9]), "Ann")
    bad = folder.add(fashion("a", [0.8, 0.9]), "Ann")
    folder.add(fashion("b", [0.8, 0.9]), "Ann")
    folder.judge(bad, (None, None))
    found = overall([load(p, store=folder) for p in (PROTOCOL, FASHION)])
    table = tables.overall_table("All", found)
    assert {row.status for row in table.rows} == {"incomplete"}
    assert "refused" in {row.cells[FASHION.task].text for row in table.rows}


@pytest.mark.usefixtures("bare")
def test_entrants_and_versions_are_not_mixed_across_tasks(tmp_path):
    folder = boards.Folder(tmp_path)
    folder.add(spread("a", [0.8, 0.9]), "Ann")
    folder.add(fashion("a", [0.8, 0.9]), "Bob")
    found = overall([load(p, store=folder) for p in (PROTOCOL, FASHION)])
    assert [(s.label, s.rank) for s in found.standings] == [
        ("a+confidence (Ann)", None),
        ("a+confidence (Bob)", None),
    ]
    versions = overall(two_tasks(spread("a", [0.8]), fashion("a", [0.8], code="b")))
    assert len({s.label for s in versions.standings}) == 2
    assert all(s.label.startswith("a+confidence@") for s in versions.standings)


@given(
    st.lists(st.floats(0, 1), min_size=2, max_size=5),
    st.lists(st.floats(0, 1), min_size=2, max_size=5),
)
def test_the_mean_over_tasks_is_that_of_the_statistics(digits, others):
    found = overall(two_tasks(spread("a", digits), fashion("a", others)))
    (a,) = found.standings
    runs = [
        [p.metric.normalise(v) for v in values]
        for p, values in ((PROTOCOL, digits), (FASHION, others))
    ]
    expected = mean_interval(runs)
    assert a.mean.value == pytest.approx(expected.value)
    assert a.mean.low == pytest.approx(expected.low, abs=1e-9)


@given(st.dictionaries(st.sampled_from("abcd"), st.integers(1, 4), min_size=1), st.data())
def test_weights_add_up_and_tasks_of_a_family_share_its_weight(families, data):
    weights = {f: data.draw(st.floats(0.01, 100), label=f) for f in families}
    found = task_weights([f"{f}/{i}" for f, n in families.items() for i in range(n)], weights)
    assert sum(found.values()) == pytest.approx(1)
    for family, count in families.items():
        share = weights[family] / sum(weights.values())
        for i in range(count):
            assert found[f"{family}/{i}"] == pytest.approx(share / count)


@pytest.mark.usefixtures("plugin")
def test_a_weight_moves_the_order():
    coins = task("coins/small").protocols["smoke"]
    where = {"task": "coins/small", "protocol_hash": coins.hash}
    here = [*spread("a", [0.9, 0.91]), *spread("b", [0.5, 0.51])]
    there = [*spread("a", [0.1, 0.11], **where), *spread("b", [0.9, 0.91], **where)]
    pair = [
        assemble(p, [Entry(r, Path("x"), "yours") for r in each])
        for p, each in ((PROTOCOL, here), (coins, there))
    ]

    def first(**weights):
        return overall(pair, weights).standings[0].label

    assert first(coins=9.0) == "b+confidence"
    assert first(earlyexit=9.0) == "a+confidence"
    table = tables.overall_table("All", overall(pair, {"coins": 3.0}))
    assert "Weights: earlyexit 0.25 (1 task), coins 0.75 (1 task)." in table.subtitle


@pytest.mark.parametrize(
    "pair",
    [
        "nobody=1",
        "=",
        "",
        *(f"earlyexit{end}" for end in ("", "=", "=-1", "=0", "=x", "=nan", "=inf")),
    ],
)
def test_weights_that_are_none_are_refused(pair):
    with pytest.raises(UserError):
        parse_weights([pair])


def test_the_dearest_tier_with_rows_comes_first():
    found = task("earlyexit/fashion-mnist")
    assert of_task(found)[0].protocol.tier == "lite"
    assert [b.protocol.tier for b in of_task(found, "smoke")] == ["smoke"]
    assert of_task(TASK)[0].protocol.tier == "smoke"
