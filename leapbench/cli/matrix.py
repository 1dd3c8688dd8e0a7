"""A board as models by policies, for a terminal: means, since the ranking has the intervals."""

from __future__ import annotations

import textwrap

from rich.text import Text

from leapbench.cli.output import console, table
from leapbench.contract.task import Task
from leapbench.leaderboards.board import Board, BoardRow
from leapbench.leaderboards.render.text import line
from leapbench.leaderboards.tables.cells import NONE, number

CELL = 14  # characters that a cell takes, 3 of them padding


def print_matrix(task: Task, board: Board) -> None:
    """Rows for the first role, columns for the second, in as many tables as fit."""
    down, across = task.default_agents
    plain = sorted(board.defaults.values(), key=board.scored.index)
    cells = {(_part(row, down), _part(row, across)): row for row in plain}
    if not cells:
        return
    names, policies = (list(dict.fromkeys(key[i] for key in cells)) for i in (0, 1))
    screen = console()
    corner = f"{down} \\ {across}"
    room = max(1, (screen.width - max(map(len, (corner, *names))) - 3) // CELL)
    for start in range(0, len(policies), room):
        columns = policies[start : start + room]
        body: list[tuple[str | Text, ...]] = [
            (name, *(_cell(cells.get((name, column))) for column in columns))
            for name in names
            if any((name, column) in cells for column in columns)
        ]
        heads = (textwrap.fill(column, CELL - 3) for column in columns)
        screen.print(table((corner, *heads), body))
    if board.unranked:
        screen.print("* not ranked", style="dim")


def _part(row: BoardRow, role: str) -> str:
    """Name of the part of `role`; an agent in one piece fills neither."""
    return line(next((part.name for part in row.agent.parts if part.role == role), NONE))


def _cell(row: BoardRow | None) -> Text:
    """Mean, with a mark where it is not ranked."""
    if row is None:
        return Text(NONE, style="dim")
    return Text(f"{number(row.score.value).text}{'' if row.agent.ranked else ' *'}")
