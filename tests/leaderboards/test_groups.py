"""The smoke boards tell agents apart: a board on which all tie teaches a newcomer nothing.

Groups are those that a board draws: a new one begins with the first row that is clearly worse
than the head of the one before (95 %, paired by seed, Holm over the rows).
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from leapbench.contract import registry
from leapbench.leaderboards.adopt import RESULTS
from leapbench.leaderboards.board import Board, load

ENOUGH = 3
MORE = {"earlyexit/digits": 4}
"""Boards of which more groups are asked: the one that the first commands of a newcomer show."""

TIES: dict[str, tuple[int, str]] = {
    "atari100k/consistency": (2, "three rows; the two worse ones tie"),
    "atari100k/pong": (1, "one row, of an agent of no family"),
    "dmc/cartpole-swingup": (1, "two rows, of agents of no family; smoke is too short for more"),
    "knowledge/query": (2, "orders of questions tie, silence is worse"),
    "knowledge/scenes": (1, "no fine-tuning of 60 s moves the encoder away from its start"),
    "pretrain/control": (2, "schedules lie within .07 of each other"),
    "pretrain/select": (1, "choices of views lie within .01 of each other"),
    "sparsify/scenes-80": (2, "three rows; the two better ones tie"),
    "sparsify/scenes-95": (2, "three rows; the two worse ones tie"),
    "sparsify/scenes-stress": (2, "three rows; the two better ones tie"),
    "videoglance/needle": (2, "28 rows of five seeds, and the first one's seeds lie far apart"),
}
"""Boards known to have fewer: how many groups they have today, and why."""

SMOKE = sorted("/".join(path.parts[-3:-1]) for path in RESULTS.glob("*/*/smoke"))


@cache
def board(name: str) -> Board:
    """The committed smoke board of a task."""
    return load(registry.task(name).protocols["smoke"])


@pytest.mark.parametrize("name", SMOKE)
def test_a_smoke_board_tells_groups_of_agents_apart(name: str) -> None:
    found = len(board(name).ties)
    if name in TIES:
        known, reason = TIES[name]
        assert found == known, (
            f"{name} was known for {known} groups ({reason}); it has {found}. "
            "Where it improved, take it from the list; where it got worse, find out why."
        )
        return
    least = MORE.get(name, ENOUGH)
    assert found >= least, f"{name} has {found} groups, at least {least} are asked"


def test_the_lists_name_boards_that_there_are() -> None:
    assert set(TIES) | set(MORE) <= set(SMOKE)
    assert all(0 < known < ENOUGH and reason for known, reason in TIES.values())


def test_every_family_has_a_smoke_board() -> None:
    families = {task.family for task in registry.tasks().values()}
    assert families == {name.partition("/")[0] for name in SMOKE}


def test_equal_rows_are_one_group() -> None:
    """What is counted answers to the scores, whatever the committed ones are."""
    apart = board("knowledge/graph")
    assert len(apart.ties) == len(apart.ranked) >= ENOUGH
    first = apart.ranked[0]
    assert len(replace(apart, ranked=(first,) * 5).ties) == 1
