"""How a table is drawn at some width: what is left out, and what takes two lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from leapbench.leaderboards.render.table import Table, TableColumn
from leapbench.leaderboards.render.text import bracket, filled, line, name_column

GAP = 2  # characters between two columns
LONGEST = 60  # characters of a name on one line
NARROWEST = 12  # of a folded name


@dataclass(frozen=True)
class TerminalLayout:
    """How a table is drawn at some width.

    Attributes:
        columns: those that are drawn.
        folded: whether names and intervals take two lines.
        left_out: lines about columns that are not drawn.
    """

    columns: tuple[TableColumn, ...]
    folded: bool = False
    left_out: tuple[str, ...] = ()


def layout(table: Table, width: int) -> TerminalLayout | None:
    """The best way to draw a table that fits the width; None where there is none.

    Columns that say nothing are never drawn. What is the same in all rows goes first, then
    details such as the seconds a row took: one line a row reads better than every detail.
    Only then names and intervals are folded, and only what is too wide even so goes too.
    """
    full = filled(table)
    if _width(table, full, False) <= width:
        return TerminalLayout(full)
    kept, same = _constant(table, full)
    for folded in (False, True):
        shown = _narrowed(table, kept, folded, width)
        if shown is not None:
            left = ", ".join(column.heading for column in kept if column not in shown)
            narrow = f"Too narrow for: {left}. --format csv has every column."
            return TerminalLayout(shown, folded, (*same, narrow) if left else same)
    return None


def _narrowed(
    table: Table, columns: tuple[TableColumn, ...], folded: bool, width: int
) -> tuple[TableColumn, ...] | None:
    """The columns without those that may go and have no room; None where that is not enough."""
    while _width(table, columns, folded) > width:
        most = max((c.spare for c in columns if folded or c.kind != "interval"), default=0)
        if not most:
            return None
        columns = tuple(
            c for c in columns if c.spare != most or (not folded and c.kind == "interval")
        )
    return columns


def _constant(
    table: Table, columns: Sequence[TableColumn]
) -> tuple[tuple[TableColumn, ...], tuple[str, ...]]:
    """The columns that tell rows apart, and a line about those that do not."""
    first, kept, same = name_column(table), [], []
    for column in columns:
        values = {row.cells[column.key].text for row in table.rows}
        spare = column.spare and len(values) == 1 and len(table.rows) > 1
        if spare and column is not first:
            same.append(f"{column.heading} {values.pop()}")
        else:
            kept.append(column)
    return tuple(kept), (f"All rows: {', '.join(same)}.",) if same else ()


def _width(table: Table, columns: Sequence[TableColumn], folded: bool) -> int:
    """Characters that a drawing takes."""
    first = name_column(table)
    total = GAP + 1 if bracket(table) else 0
    for column in columns:
        texts = [heading(column, folded)]
        texts += [folded_text(row.cells[column.key].text, column, folded) for row in table.rows]
        size = max(cell_len(part) for text in texts for part in text.split("\n"))
        if column is first:
            size = min(size, LONGEST)
        total += size + GAP
    return total


def heading(column: TableColumn, folded: bool) -> str:
    """A column's heading, a word a line where it is folded."""
    text = line(column.heading)
    return text.replace(" ", "\n").replace("/", "/\n") if folded else text


def folded_text(text: str, column: TableColumn, folded: bool) -> str:
    """A cell's text, in two lines where it is folded."""
    found = line(text)
    if not folded:
        return found
    if column.kind == "interval":
        return found.replace(" ± ", "\n±").replace(" (", "\n(").replace(" to ", "\nto ")
    if column.kind == "badge":
        return found.replace("self-reported", "self-\nreported").replace(" ", "\n", 1)
    if column.kind == "text" and len(found) > NARROWEST:
        return re.sub(r"(?<=[+/])(?=.)|(?<= against) ", "\n", found, count=1)
    return found
