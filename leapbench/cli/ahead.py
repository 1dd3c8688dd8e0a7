"""Who is ahead on a board, in a few lines that are read last."""

from __future__ import annotations

from collections.abc import Sequence

from leapbench.cli.output import filled
from leapbench.leaderboards.board import Board, BoardRow
from leapbench.leaderboards.render.text import line
from leapbench.leaderboards.tables.cells import around

NAMED = 3
"""Rows that are named; of more the number is told."""


def ahead(board: Board) -> str:
    """The first row with those it is tied with, and on a line of their own the user's rows.

    Args:
        board: the rows of one task and tier, some of them ranked.
    """
    first, *tied = board.ties[0]
    count = len(board.ranked)
    score = f"{board.protocol.metric.name} {around(first.score)}"
    place = f"rank {_rank(board, first)} of {count}"
    found = [f"Ahead: {line(first.label)}, {score}, {place}{_tie(tied)}."]
    own = [row for row in board.ranked if row.origin == "yours"]
    if own:
        places = [f"{line(row.label)}, rank {_rank(board, row)}" for row in own]
        found.append(f"Yours: {_some(places, '; ')}, of {count}.")
    return "\n".join(map(filled, found))


def _rank(board: Board, row: BoardRow) -> str:
    return str(board.ranks[row.key]).replace("-", "–")


def _tie(rows: Sequence[BoardRow]) -> str:
    return f"; tied with it: {_some([line(row.label) for row in rows])}" if rows else ""


def _some(texts: Sequence[str], comma: str = ", ") -> str:
    """The first few, and how many more there are."""
    more = len(texts) - NAMED
    return comma.join(texts[:NAMED]) + (f" and {more} more" if more > 0 else "")
