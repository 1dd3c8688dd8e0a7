"""Several tasks in one table: who is in it, with which weight."""

from __future__ import annotations

from pathlib import Path

import boards
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_board import PROTOCOL, TASK
from test_board_table import spread

from leapbench.contract.registry import task
from leapbench.errors import UserError
from leapbench.leaderboards import tables
from leapbench.leaderboards.board import BoardEntry, assemble, load, of_task
from leapbench.leaderboards.overall import overall, parse_weights, task_weights
from leapbench.leaderboards.statistics import mean_interval
from leapbench.testing import standing_in

FASHION = task("earlyexit/fashion-mnist").protocols["lite"]


def fashion(name, scores, **fields):
    where = {"task": FASHION.task, "tier": "lite", "protocol_hash": FASHION.hash}
    return spread(name, scores, **(where | fields))


def two_tasks(digits, others):
    entries = [[BoardEntry(r, Path("x"), "yours") for r in each] for each in (digits, others)]
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
    versions = overall(two_tasks(spread("a", [0.8]), fashion("a", [0.8], version=2)))
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
        assemble(p, [BoardEntry(r, Path("x"), "yours") for r in each])
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


def test_tasks_for_agents_of_another_kind_are_apart():
    boards = two_tasks(spread("a", [0.8, 0.9]), fashion("b", [0.5, 0.6]))
    assert not overall(boards).ranked
    other = task(FASHION.task)
    tracked = other.model_copy(update={"card": other.card.model_copy(update={"track": "gliders"})})
    with standing_in(tracked):
        found = overall(boards)
        alone = overall(boards[1:])
    assert found.boards == (boards[0],)
    assert found.ranked
    assert list(found.weights) == [TASK.name]
    assert found.apart == {"gliders": (boards[1],)}
    notes = tables.overall_table("All", found).notes
    assert f"Not here, as the agents are gliders: {FASHION.task}." in notes
    assert alone.boards == (boards[1],)
    assert not alone.apart
