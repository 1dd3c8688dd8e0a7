"""Comparisons of agents, versions and folders."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_board import CLAIM, PROTOCOL, TASK, board_of, made
from test_board_overall import FASHION, fashion
from test_board_table import spread

from leapbench.contract.registry import tasks
from leapbench.contract.task import Anchor, Metric
from leapbench.errors import UserError
from leapbench.leaderboards.claims import judge
from leapbench.leaderboards.compare import Comparison, totals
from leapbench.leaderboards.matches import compare
from leapbench.leaderboards.rows import rows
from leapbench.leaderboards.sources import BoardEntry
from leapbench.leaderboards.statistics import paired_difference
from leapbench.leaderboards.tables import compare_table
from leapbench.results import result

ALL = tuple(tasks().values())


def row_of(*found):
    (row,) = rows([BoardEntry(r, None, "yours") for r in found])
    return row


def pair(ours, theirs, protocol=PROTOCOL, **fields):
    a, b = row_of(*spread("a", ours, **fields)), row_of(*spread("b", theirs, **fields))
    return Comparison(protocol, "a against b", a, b)


def put(root, *found):
    for r in found:
        folder = root / r.task / r.tier / f"{r.agent.name}-{r.agent.parts[0].version}"
        result.write(r, folder / f"seed-{r.seed}.json")
    return root


@pytest.mark.parametrize(
    ("ours", "theirs", "verdict"),
    [
        ([0.9, 0.91, 0.92], [0.5, 0.51, 0.53], "better"),
        ([0.5, 0.51, 0.53], [0.9, 0.91, 0.92], "worse"),
        ([0.5, 0.9, 0.5], [0.6, 0.5, 0.7], "not distinguishable"),
        ([0.9], [0.1], "not distinguishable"),
        ([0.9, None], [0.1, 0.2], "worse"),
        ([0.9, 0.8], [None, 0.95], "better"),
        ([None, 0.8], [0.9, None], "not distinguishable"),
        ([None, 0.8, 0.9], [None, 0.7, 0.9], "not distinguishable"),
        ([None], [0.5], "worse"),
    ],
)
def test_verdict_is_about_the_first(ours, theirs, verdict):
    assert pair(ours, theirs).verdict == verdict


def test_where_lower_is_better_less_is_better():
    metric = Metric(
        name="loss",
        floor=Anchor(value=1, source="x"),
        ceiling=Anchor(value=0, source="x"),
        higher_is_better=False,
    )
    protocol = PROTOCOL.model_copy(update={"metric": metric})
    found = pair([0.1, 0.11, 0.12], [0.5, 0.52, 0.51], protocol)
    assert found.verdict == "better"
    assert found.difference.value < 0
    assert found.improvement.value == 1


def test_equal_run_ids_are_the_same_bytes_and_nothing_else_is():
    same = spread("a", [0.5, 0.6])
    assert Comparison(PROTOCOL, "a", row_of(*same), row_of(*same)).verdict == "same bytes"
    part = row_of(same[1], made("a", 2, 0.4))
    assert Comparison(PROTOCOL, "a", row_of(*same), part).verdict == "same bytes"
    changed = row_of(*spread("a", [0.5, 0.61]))
    assert Comparison(PROTOCOL, "a", row_of(*same), changed).verdict != "same bytes"
    apart = row_of(made("a", 7, 0.4))
    found = Comparison(PROTOCOL, "a", row_of(*same), apart)
    assert (found.verdict, found.reason) == ("not comparable", "no seed in common")


def test_two_protocols_are_not_compared():
    old = row_of(*spread("a", [0.1, 0.2], protocol_hash="0" * 16))
    found = Comparison(PROTOCOL, "a", row_of(*spread("a", [0.8, 0.9])), old)
    assert (found.verdict, found.difference, found.improvement) == ("not comparable", None, None)
    (line,) = compare_table("x", "y", [found]).rows
    assert line.cells["verdict"].note == "results of two protocols"


@given(
    st.dictionaries(st.integers(0, 5), st.floats(0, 1), min_size=2),
    st.dictionaries(st.integers(0, 5), st.floats(0, 1), min_size=2),
)
def test_swapping_both_swaps_the_sign_and_the_verdict(ours, theirs):
    a = row_of(*(made("a", s, v) for s, v in ours.items()))
    b = row_of(*(made("b", s, v) for s, v in theirs.items()))
    there, back = Comparison(PROTOCOL, "x", a, b), Comparison(PROTOCOL, "x", b, a)
    swapped = {"better": "worse", "worse": "better"}
    assert back.verdict == swapped.get(there.verdict, there.verdict)
    if there.difference:
        assert there.difference == paired_difference(ours, theirs)
        assert back.difference.value == pytest.approx(-there.difference.value, abs=1e-12)
        assert there.improvement.value + back.improvement.value == pytest.approx(1)


def test_ratios_of_budget_and_time():
    def spent(used):
        return (result.Spent(phase="train", unit="samples", used=used, limit=100),)

    a = row_of(*spread("a", [0.5, 0.6], budget=spent(50), timing=result.Timing(cpu=3)))
    b = row_of(*spread("b", [0.5, 0.6], budget=spent(100), timing=result.Timing(cpu=1.5)))
    found = Comparison(PROTOCOL, "x", a, b)
    assert (found.budget, found.cpu) == (0.5, 2.0)
    free = row_of(*spread("b", [0.5, 0.6]))
    assert Comparison(PROTOCOL, "x", a, free).budget is None
    assert Comparison(PROTOCOL, "x", a, free).cpu is None


@pytest.mark.usefixtures("bare")
def test_two_folders_are_compared_agent_by_agent_across_versions(tmp_path):
    new = put(
        tmp_path / "new", *spread("a", [0.9, 0.91, 0.92], version=2), *spread("b", [0.5, 0.6])
    )
    put(new, *fashion("a", [0.8, 0.81, 0.82], version=2), *spread("only", [0.5]))
    old = put(
        tmp_path / "old", *spread("a", [0.5, 0.52, 0.51], version=1), *spread("b", [0.5, 0.6])
    )
    put(old, *fashion("a", [0.6, 0.61, 0.63]))
    found = compare(ALL, str(new), str(old))
    verdicts = {(c.protocol.task, c.agent): c.verdict for c in found}
    assert verdicts == {
        (TASK.name, "a+confidence"): "better",
        (TASK.name, "b+confidence"): "same bytes",
        (FASHION.task, "a+confidence"): "better",
    }
    (total,) = totals(found)
    assert (total.agent, total.tasks, total.verdict) == ("a+confidence", 2, "better")
    table = compare_table("new", "old", found)
    assert len(table.rows) == 4
    assert "version " in table.rows[0].cells["verdict"].note
    assert table.rows[-1].cells["task"].text == "2 tasks"
    assert [c.verdict for c in compare(ALL, str(old), str(new), tier="lite")] == ["worse"]


@pytest.mark.usefixtures("bare")
def test_versions_are_named_as_on_boards(tmp_path):
    runs = put(tmp_path / "runs", *spread("msdnet", [0.5, 0.51, 0.5], version=1))
    put(runs, *spread("msdnet", [0.8, 0.81, 0.82], version=2), *spread("ranet", [0.6, 0.6, 0.61]))
    new, old = (row_of(*spread("msdnet", [0.5], version=v)).version[:6] for v in (2, 1))
    name = "msdnet+confidence"
    (found,) = compare([TASK], f"{name}@{new}", f"{name}@{old}", runs=runs)
    assert found.verdict == "better"
    (found,) = compare([TASK], f"msdnet@{old}", "ranet", runs=runs)  # roles filled in
    assert found.verdict == "worse"
    with pytest.raises(UserError, match="no row of agent 'msdnet@ffffff'"):
        compare([TASK], "msdnet@ffffff", "ranet", runs=runs)


@pytest.mark.usefixtures("bare")
def test_mistakes_say_what_to_type(tmp_path):
    a = put(tmp_path / "a", *spread("x", [0.5]))
    b = put(tmp_path / "b", *spread("y", [0.5]))
    put(b, *fashion("z", [0.5]))
    with pytest.raises(UserError, match="two folders"):
        compare(ALL, str(a), "msdnet")
    with pytest.raises(UserError, match="in common"):
        compare(ALL, str(a), str(b))
    with pytest.raises(UserError, match="in common"):
        compare(ALL, "y+confidence", "z+confidence", runs=b)
    with pytest.raises(UserError, match=r"Did you mean 'z\+confidence'"):
        compare(ALL, "y+confidence", "z+confidense", runs=b)


def test_committed_agents_are_compared_on_every_task():
    found = compare(ALL, "l2w-den", "msdnet")
    assert {c.protocol.task for c in found} == {
        "earlyexit/cifar10",
        "earlyexit/digits",
        "earlyexit/fashion-mnist",
    }
    (total,) = totals(found)
    means = [c.a.normalised.value - c.b.normalised.value for c in found]
    assert total.difference.value == pytest.approx(sum(means) / 3)


def test_differences_of_rounding_are_none():
    ours, theirs = [0.1 + 0.2, 0.7, 0.5], [0.3, 0.7 - 1e-16, 0.5 + 2e-16]
    found = pair(ours, theirs)
    assert (found.verdict, found.difference.value) == ("not distinguishable", 0.0)
    assert found.improvement.value == 0.5
    near = [[value + 5.6e-17 for value in ours], ours]
    assert pair(*near).verdict == "not distinguishable"
    assert pair([value + 1e-9 for value in ours], ours).verdict == "better"
    for a, b in ((ours, theirs), near):
        rows = [made("l2w-den", s, v) for s, v in enumerate(a)]
        rows += [made("msdnet", s, v) for s, v in enumerate(b)]
        assert judge(CLAIM, TASK, board_of(*rows)).verdict == "not distinguishable"
