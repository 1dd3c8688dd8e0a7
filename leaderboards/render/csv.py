"""A table as comma-separated values for spreadsheets and programs."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import StringIO

from leapbench.leaderboards.render.table import Table, TableCell, TableColumn, Value
from leapbench.leaderboards.render.text import line

# What makes a spreadsheet take text for a formula.
FORMULA = ("=", "+", "-", "@", "\N{FULLWIDTH EQUALS SIGN}", "\N{FULLWIDTH PLUS SIGN}",
           "\N{FULLWIDTH HYPHEN-MINUS}", "\N{FULLWIDTH COMMERCIAL AT}")  # fmt: skip


def render(table: Table) -> str:
    """One line of headings, one a row; plain numbers, an empty field where there is none.

    A column of intervals or ranks is three: `score`, `score_low`, `score_high`. The
    columns `status`, `tie` (number of the group of ties) and `note` are the last. Why
    a number is missing, such as a failed task, is in the note.
    """
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    heads = [head for column in table.columns for head in _heads(column)]
    writer.writerow([safe(head) for head in (*heads, "status", "tie", "note")])
    for row in table.rows:
        values = [v for c in table.columns for v in _values(c, row.cells[c.key])]
        note = "; ".join(n for c in table.columns for n in _notes(c, row.cells[c.key]))
        writer.writerow(map(_field, (*values, row.status, row.tie, note)))
    return out.getvalue()


def safe(text: str) -> str:
    """Text on one line that no spreadsheet takes for a formula: such text gets an apostrophe."""
    found = line(text)
    return f"'{found}" if found.startswith(FORMULA) else found


def _heads(column: TableColumn) -> list[str]:
    if column.kind not in ("interval", "rank"):
        return [column.key]
    return [column.key, f"{column.key}_low", f"{column.key}_high"]


def _values(column: TableColumn, cell: TableCell) -> list[Value]:
    if column.kind not in ("interval", "rank"):
        return [cell.value]
    return [cell.value, cell.low, cell.high]


def _notes(column: TableColumn, cell: TableCell) -> Iterator[str]:
    """A cell's note, and a word such as "failed" that stands in place of a number."""
    if cell.value is None and cell.text.isalpha():
        yield f"{column.heading}: {cell.text}"
    if cell.note:
        yield cell.note


def _field(value: Value) -> str:
    """A number as Python writes it, text made safe."""
    if value is None:
        return ""
    return safe(value) if isinstance(value, str) else repr(value)
