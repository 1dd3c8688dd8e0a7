"""A table as data, before anyone decides how it looks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["text", "number", "interval", "rank", "badge"]
Value = str | int | float | bool | None
Status = Literal["ranked", "unranked", "failed", "refused", "incomplete"]


@dataclass(frozen=True)
class TableColumn:
    """One column.

    Attributes:
        key: name for programs, such as "score".
        heading: name for people.
        kind: what the cells are; decides alignment and drawing.
        better: which direction is better, where there is one.
        help: one sentence on what the column means.
        spare: how soon a narrow rendering may leave it out, the highest first; 0
            for a column that is always there.
        legend: the same as `help` in a few words, with the unit, for the line under a
            table in a terminal; empty where the heading says it.
    """

    key: str
    heading: str
    kind: Kind = "text"
    better: Literal["higher", "lower"] | None = None
    help: str = ""
    spare: int = 0
    legend: str = ""


@dataclass(frozen=True)
class TableCell:
    """One value and how people read it.

    Attributes:
        value: for programs and for sorting; None where there is none.
        text: for people, such as "0.84 ± 0.02".
        low: lower end of an interval, or best rank.
        high: upper end of an interval, or worst rank.
        note: one sentence more, such as why there is no value.
        link: where the text leads, for renderings that have links.
    """

    value: Value
    text: str
    low: float | None = None
    high: float | None = None
    note: str = ""
    link: str = ""


@dataclass(frozen=True)
class TableRow:
    """One row; rows of one `tie` group cannot be told apart.

    Attributes:
        cells: by column key; all columns are there.
        status: "ranked", or why it is not.
        tie: number of the row's group of ties; rows that share it are drawn together.
    """

    cells: dict[str, TableCell]
    status: Status = "ranked"
    tie: int | None = None


@dataclass(frozen=True)
class Table:
    """A table with its heading and its footnotes.

    Attributes:
        title: what it is about.
        subtitle: protocol, units, meaning of the intervals.
        columns: left to right.
        rows: top to bottom.
        notes: one line each, below the table.
        meta: facts for programs, such as task, tier and protocol hash.
    """

    title: str
    columns: tuple[TableColumn, ...]
    rows: tuple[TableRow, ...]
    subtitle: str = ""
    notes: tuple[str, ...] = ()
    meta: dict[str, Value] = field(default_factory=dict)
