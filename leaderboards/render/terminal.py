"""A table for a terminal of any width: it says what the columns are, and what it left out."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from leapbench.leaderboards.render.layout import TerminalLayout, folded_text, heading, layout
from leapbench.leaderboards.render.table import Table, TableColumn, TableRow
from leapbench.leaderboards.render.text import bracket, legend, line, name_column, remarks

RULE = box.Box("    \n    \n ── \n    \n    \n    \n    \n    \n")  # one line below the headings
STYLES = {"unranked": "dim", "incomplete": "dim", "failed": "dim", "refused": "dim"}
TONES = {
    "reproduced": "green",
    "audited": "green",
    "better": "green",
    "contradicted": "red",
    "refused": "red",
    "worse": "red",
}


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
        text = Text(heading(column, drawn.folded))
        made.add_column(text, justify="right" if right else "left", overflow="fold")
        made.columns[-1].no_wrap = column is not first
    for i, row in enumerate(table.rows):
        cells = [_cell(row, column, drawn.folded) for column in drawn.columns]
        tie = [Text("\n".join(_tie(marks[i], _height(cells))))] if marks else []
        made.add_row(*tie, *cells, style=STYLES.get(row.status, ""))
    screen.print(made)
    if told := legend(table, drawn.columns):
        screen.print(Text(told, style="dim"))
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


def _cell(row: TableRow, column: TableColumn, folded: bool) -> Text:
    text = folded_text(row.cells[column.key].text, column, folded)
    return Text(text, style=TONES.get(text, "") if column.kind == "badge" else "")


def _height(cells: Sequence[Text]) -> int:
    return max(text.plain.count("\n") for text in cells) + 1


def _tie(mark: str, height: int) -> list[str]:
    """The bracket beside a row of several lines."""
    first = {"└": "│"}.get(mark, mark) if height > 1 else mark
    below = {"┌": "│", "│": "│", "└": "│"}.get(mark, " ")
    last = "└" if mark == "└" else below
    return [first, *[below] * (height - 2), *([last] if height > 1 else [])]
