"""Rank intervals and ties."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from leapbench.leaderboards import statistics as stats
from leapbench.leaderboards.statistics import RankInterval

SCORES = st.one_of(st.floats(-5, 5), st.integers(-2, 2).map(float))


@st.composite
def boards(draw: st.DrawFn, complete: bool = False) -> dict[str, dict[int, float]]:
    agents, seeds = draw(st.integers(1, 7)), draw(st.integers(1, 6))
    offset = st.floats(-20, 20)
    board = {}
    for i in range(agents):
        base = draw(offset)
        runs = {s: base + draw(SCORES) for s in range(seeds)}
        kept = list(runs) if complete else draw(st.sets(st.sampled_from(list(runs)), min_size=1))
        board[f"agent {i}"] = {s: runs[s] for s in kept}
    return board


def ends(found: dict[str, RankInterval]) -> dict[str, tuple[int, int]]:
    return {name: (r.low, r.high) for name, r in found.items()}


@given(boards())
def test_ranks_lie_between_one_and_the_number_of_agents(board: dict) -> None:
    found = stats.rank_intervals(board)
    assert list(found) == list(board)
    assert all(1 <= r.low <= r.high <= len(board) for r in found.values())


@given(boards(), st.randoms())
def test_the_order_of_agents_and_runs_does_not_matter(board: dict, random) -> None:
    names = list(board)
    random.shuffle(names)
    other = {name: dict(reversed(board[name].items())) for name in names}
    assert stats.rank_intervals(other) == stats.rank_intervals(board)


@given(boards())
def test_lower_is_better_is_the_mirror_image(board: dict) -> None:
    negative = {name: {s: -x for s, x in runs.items()} for name, runs in board.items()}
    assert stats.rank_intervals(negative, higher_is_better=False) == stats.rank_intervals(board)


@given(boards(complete=True))
def test_the_observed_rank_is_inside(board: dict) -> None:
    means = {name: np.mean(list(runs.values())) for name, runs in board.items()}
    for name, r in stats.rank_intervals(board, correction="none").items():
        better = sum(m > means[name] for m in means.values())
        worse = sum(m < means[name] for m in means.values())
        assert r.low <= 1 + better
        assert r.high >= len(board) - worse


@given(boards(complete=True), st.floats(0, 10), st.sampled_from(["holm", "none"]))
def test_better_scores_never_give_worse_ranks(board: dict, by: float, correction: str) -> None:
    name = next(iter(board))
    raised = {**board, name: {s: x + by for s, x in board[name].items()}}
    before = stats.rank_intervals(board, correction=correction)[name]
    after = stats.rank_intervals(raised, correction=correction)[name]
    assert after.low <= before.low
    assert after.high <= before.high


@given(boards())
def test_holm_only_widens(board: dict) -> None:
    loose = stats.rank_intervals(board, correction="none")
    for name, r in stats.rank_intervals(board).items():
        assert r.low <= loose[name].low
        assert r.high >= loose[name].high


@given(st.lists(st.tuples(SCORES, SCORES), min_size=1, max_size=8))
def test_two_agents_differ_when_their_paired_interval_excludes_zero(pairs: list) -> None:
    a, b = ({s: pair[side] for s, pair in enumerate(pairs)} for side in (0, 1))
    difference = stats.paired_difference(a, b)
    near = [abs(end) for end in (difference.low, difference.high, difference.value)]
    assume(min(near) > 1e-9)  # rounding decides what touches zero
    expected = (1, 1) if difference.low > 0 else (2, 2) if difference.high < 0 else (1, 2)
    for correction in ("holm", "none"):
        assert ends(stats.rank_intervals({"a": a, "b": b}, correction=correction))["a"] == expected


@given(st.lists(SCORES, min_size=2, max_size=6), st.lists(SCORES, min_size=1, max_size=6))
def test_without_common_seeds_welch_decides(x: list, y: list) -> None:
    difference = stats.welch_difference(x, y)
    assume(min(abs(difference.low), abs(difference.high), abs(difference.value)) > 1e-9)
    board = {"x": dict(enumerate(x)), "y": {100 + i: v for i, v in enumerate(y)}}
    assert (ends(stats.rank_intervals(board))["x"] != (1, 2)) == difference.excludes(0)


def test_agents_with_one_seed_are_not_clearly_anything() -> None:
    board = {"a": {0: 9.0}, "b": {0: 1.0}, "c": {0: 0.0}}
    assert set(ends(stats.rank_intervals(board)).values()) == {(1, 3)}
    assert stats.tie_groups(list(board), board) == [("a", "b", "c")]


def test_rounding_is_no_difference() -> None:
    board = {"a": dict.fromkeys(range(5), 0.1 + 0.2), "b": dict.fromkeys(range(5), 0.3)}
    assert set(ends(stats.rank_intervals(board)).values()) == {(1, 2)}
    apart = {**board, "b": dict.fromkeys(range(5), 0.31)}
    assert ends(stats.rank_intervals(apart)) == {"a": (2, 2), "b": (1, 1)}


def test_holm_by_hand() -> None:
    # Three clusters, 40 noise widths apart; six seeds (critical t of 4 to 5 with Holm).
    rng = np.random.default_rng(0)
    board = {
        f"{level}{i}": dict(enumerate(level + rng.normal(0, 0.1, 6)))
        for level in (4, 8, 12)
        for i in range(3)
    }
    expected = {"4": (7, 9), "8": (4, 6), "12": (1, 3)}
    found = stats.rank_intervals(board)
    assert ends(found) == {name: expected[name[:-1]] for name in board}
    order = sorted(board, key=lambda name: -sum(board[name].values()))
    groups = stats.tie_groups(order, board)
    assert [{name[:-1] for name in group} for group in groups] == [{"12"}, {"8"}, {"4"}]


@given(boards())
def test_groups_cut_the_order_where_a_row_is_clearly_worse_than_the_head(board: dict) -> None:
    order = sorted(board, key=lambda name: -np.mean(list(board[name].values())))
    groups = stats.tie_groups(order, board, correction="none")
    assert [name for group in groups for name in group] == order
    worse = {
        (a, b): ends(stats.rank_intervals({a: board[a], b: board[b]}))[b] == (2, 2)
        for a in board
        for b in board
        if a != b
    }
    for group in groups:
        assert not any(worse[group[0], name] for name in group[1:])
    for group, following in pairwise(groups):
        assert worse[group[0], following[0]]


def tables(seed: int, shape: tuple[int, int], levels: dict[str, float]) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: rng.normal(level, 1, shape) for name, level in levels.items()}


@pytest.mark.parametrize("by", ["iqm", "mean"])
def test_ranks_over_several_tasks(by: str) -> None:
    scores = tables(1, (5, 8), {"a": 0.0, "b": 0.05, "c": 9.0, "d": 9.0})
    found = stats.rank_intervals_bootstrap(scores, by=by, reps=200)
    assert ends(found) == {"a": (3, 4), "b": (3, 4), "c": (1, 2), "d": (1, 2)}
    assert stats.tie_groups_bootstrap(["c", "d", "b", "a"], scores, by=by, reps=200) == [
        ("c", "d"),
        ("b", "a"),
    ]
    backwards = {name: scores[name][::-1] for name in reversed(scores)}
    assert ends(stats.rank_intervals_bootstrap(backwards, by=by, reps=200)) == ends(found)
    single = {name: table[:1] for name, table in scores.items()}
    assert set(ends(stats.rank_intervals_bootstrap(single, by=by)).values()) == {(1, 4)}


def test_an_empty_board_has_no_ranks() -> None:
    assert stats.rank_intervals({}) == {}
    assert stats.rank_intervals_bootstrap({}) == {}
    assert stats.tie_groups([], {}) == []


def test_what_cannot_be_ranked_is_refused() -> None:
    for runs in ({}, {0: float("nan")}):
        with pytest.raises(ValueError, match="'a' needs"):
            stats.rank_intervals({"a": runs, "b": {0: 1.0}})
    with pytest.raises(ValueError, match="every agent"):
        stats.tie_groups(["a"], {"b": {0: 1.0}})
    with pytest.raises(ValueError, match="every agent"):
        stats.tie_groups_bootstrap(["a"], {"b": np.zeros((2, 2))})


def test_an_interval_reads_as_a_rank() -> None:
    assert str(RankInterval(2, 2)) == "2"
    assert str(RankInterval(1, 3)) == "1-3"
