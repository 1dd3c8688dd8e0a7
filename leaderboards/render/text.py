"""Text from strangers, made harmless before any format gets it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from leapbench.leaderboards.render.table import Table, TableCell, TableColumn, TableRow

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
# What breaks a page or disguises a name: controls, surrogates, separators of lines,
# changes of direction, and what is not seen at all.
HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
    "|[\ud800-\udfff]"
)

NOTHING = ("", "-", "\N{EN DASH}")  # what a cell without a value shows


def clean(text: str) -> str:
    """The text with a mark in place of each character that could do harm."""
    return HARMFUL.sub(REPLACEMENT, text)


def line(text: str) -> str:
    """The same on one line, with single spaces."""
    return " ".join(clean(text).split())


def remarks(table: Table) -> list[str]:
    """Notes of cells as lines of their own, for renderings that have no room in the cell."""
    head = name_column(table)
    found = []
    for row in table.rows:
        for column in table.columns:
            if note := line(row.cells[column.key].note):
                found.append(f"{line(row.cells[head.key].text)}: {note}")
    return list(dict.fromkeys(found))


def name_column(table: Table) -> TableColumn:
    """The column that names the rows: the agent, or the first text."""
    texts = [column for column in table.columns if column.kind == "text"]
    named = [column for column in texts if column.key == "agent"]
    return (named or texts or list(table.columns))[0]


def filled(table: Table) -> tuple[TableColumn, ...]:
    """The columns in which some row says something; all of them where there are no rows."""
    first = name_column(table)
    return tuple(
        column
        for column in table.columns
        if column is first
        or not table.rows
        or any(_says(row.cells[column.key]) for row in table.rows)
    )


def legend(table: Table, columns: Sequence[TableColumn]) -> str:
    """What the columns and the brackets are, on one line; empty where headings say it all."""
    found = [f"{line(c.heading)}: {line(c.legend)}" for c in columns if c.legend]
    if bracket(table):
        found.append("┌ └: tied, not to be told from the first of the bracket")
    return " · ".join(found)


def _says(cell: TableCell) -> bool:
    return cell.value is not None or cell.text not in NOTHING


def bracket(table: Table) -> list[str]:
    """One character a row that ties rows of a group together; empty without ties."""
    rows = table.rows
    marks = []
    for i, row in enumerate(rows):
        above = i > 0 and _tied(rows[i - 1], row)
        below = i + 1 < len(rows) and _tied(row, rows[i + 1])
        marks.append({(0, 1): "┌", (1, 1): "│", (1, 0): "└", (0, 0): " "}[above, below])
    return marks if set(marks) - {" "} else []


def _tied(a: TableRow, b: TableRow) -> bool:
    return a.tie is not None and a.tie == b.tie
