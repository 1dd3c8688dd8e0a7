"""A table for a terminal of any width: folded, then shortened, and it says what it left out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from leapbench.leaderboards.render.table import Table, TableColumn, TableRow
from leapbench.leaderboards.render.text import bracket, line, name_column, remarks

GAP = 2  # characters between two columns
RULE = box.Box("    \n    \n ── \n    \n    \n    \n    \n    \n")  # one line below the headings
LONGEST = 60  # characters of a name on one line
NARROWEST = 12  # of a folded name
STYLES = {"unranked": "dim", "incomplete": "dim", "failed": "dim", "refused": "dim"}
TONES = {
    "reproduced": "green",
    "audited": "green",
    "better": "green",
    "contradicted": "red",
    "refused": "red",
    "worse": "red",
}


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


def render(table: Table, width: int = 80, colour: bool = False, records: bool = False) -> str:
    """The table as text that ends in a newline.

    Args:
        table: what to draw.
        width: of the terminal, in characters; 40 or more.
        colour: whether escape sequences for colours may be used.
        records: a paragraph a row in place of lines and columns, for long texts.
    """
    screen = Console(
        file=StringIO(),
        width=width,
        markup=False,
        highlight=False,
        emoji=False,
        force_terminal=colour,
        force_jupyter=False,  # it would draw into the notebook what is asked for as text
        color_system="standard" if colour else None,
        legacy_windows=False,
    )
    screen.print(Text(line(table.title), style="bold"))
    if table.subtitle:
        screen.print(Text(line(table.subtitle)))
    if table.rows:
        drawn = None if records else layout(table, width)
        left_out = _grid(screen, table, drawn) if drawn else _records(screen, table)
        for each in (*left_out, *table.notes):
            screen.print(Text(line(each)))
    file: StringIO = screen.file  # type: ignore[assignment]
    return "\n".join(text.rstrip() for text in file.getvalue().splitlines()) + "\n"


def layout(table: Table, width: int) -> TerminalLayout | None:
    """The fullest way to draw a table that fits the width; None where there is none."""
    columns = table.columns
    left_out: tuple[str, ...] = ()
    for folded in (False, True):
        if _width(table, columns, folded) <= width:
            return TerminalLayout(columns, folded)
        if not left_out:
            columns, left_out = _constant(table)
            if _width(table, columns, False) <= width:
                return TerminalLayout(columns, False, left_out)
    left: list[TableColumn] = []
    while _width(table, columns, True) > width:
        most = max(column.spare for column in columns)
        if not most:
            return None
        left += [column for column in columns if column.spare == most]
        columns = tuple(column for column in columns if column.spare < most)
    if left:
        names = ", ".join(column.heading for column in left)
        left_out = (*left_out, f"Too narrow for: {names}. --format csv has every column.")
    return TerminalLayout(columns, True, left_out)


def _constant(table: Table) -> tuple[tuple[TableColumn, ...], tuple[str, ...]]:
    """The columns that tell rows apart, and a line about those that do not."""
    first, kept, same = name_column(table), [], []
    for column in table.columns:
        values = {row.cells[column.key].text for row in table.rows}
        spare = column.spare and len(values) == 1 and len(table.rows) > 1
        if spare and column is not first:
            same.append(f"{column.heading} {values.pop()}")
        else:
            kept.append(column)
    return tuple(kept), (f"All rows: {', '.join(same)}.",) if same else ()


def _grid(screen: Console, table: Table, drawn: TerminalLayout) -> list[str]:
    """Draw lines and columns; what else has to be said."""
    marks = bracket(table)
    made = Grid(
        box=RULE, show_edge=False, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0)
    )
    if marks:
        made.add_column("", no_wrap=True, width=1)
    first = name_column(table)
    for column in drawn.columns:
        right = column.kind in ("number", "interval", "rank")
        text = Text(_heading(column, drawn.folded))
        made.add_column(text, justify="right" if right else "left", overflow="fold")
        made.columns[-1].no_wrap = column is not first
    for i, row in enumerate(table.rows):
        cells = [_cell(row, column, drawn.folded) for column in drawn.columns]
        tie = [Text("\n".join(_tie(marks[i], _height(cells))))] if marks else []
        made.add_row(*tie, *cells, style=STYLES.get(row.status, ""))
    screen.print(made)
    return [*remarks(table), *drawn.left_out]


def _records(screen: Console, table: Table) -> list[str]:
    """Draw a paragraph a row; what has no text is left out."""
    head, *rest = table.columns
    badge = next((column for column in rest if column.kind == "badge"), None)
    for row in table.rows:
        title = Text(f"\n{line(row.cells[head.key].text)}", style="bold")
        if badge:
            word = row.cells[badge.key]
            title.append(": ").append(line(word.text), style=TONES.get(word.text, ""))
            title.append(f" ({line(word.note)})" if word.note else "")
        screen.print(title)
        facts = Grid.grid(padding=(0, 2))
        facts.add_column(style="dim", no_wrap=True)
        facts.add_column(overflow="fold")
        for column in rest:
            cell = row.cells[column.key]
            if column is not badge and cell.value is not None and cell.value != "":
                facts.add_row(column.heading.lower(), Text(line(cell.text)))
        screen.print(Padding(facts, (0, 0, 0, 2)))
    screen.print()
    return []


def _width(table: Table, columns: Sequence[TableColumn], folded: bool) -> int:
    """Characters that a drawing takes."""
    first = name_column(table)
    total = GAP + 1 if bracket(table) else 0
    for column in columns:
        texts = [_heading(column, folded)]
        texts += [_text(row.cells[column.key].text, column, folded) for row in table.rows]
        size = max(cell_len(part) for text in texts for part in text.split("\n"))
        if column is first:
            size = min(size, LONGEST)
        total += size + GAP
    return total


def _heading(column: TableColumn, folded: bool) -> str:
    text = line(column.heading)
    return text.replace(" ", "\n").replace("/", "/\n") if folded else text


def _cell(row: TableRow, column: TableColumn, folded: bool) -> Text:
    text = _text(row.cells[column.key].text, column, folded)
    return Text(text, style=TONES.get(text, "") if column.kind == "badge" else "")


def _text(text: str, column: TableColumn, folded: bool) -> str:
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


def _height(cells: Sequence[Text]) -> int:
    return max(text.plain.count("\n") for text in cells) + 1


def _tie(mark: str, height: int) -> list[str]:
    """The bracket beside a row of several lines."""
    first = {"└": "│"}.get(mark, mark) if height > 1 else mark
    below = {"┌": "│", "│": "│", "└": "│"}.get(mark, " ")
    last = "└" if mark == "└" else below
    return [first, *[below] * (height - 2), *([last] if height > 1 else [])]
