"""What the commands share when they print."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text


def console(stderr: bool = False) -> Console:
    """Console that leaves the text as it is: no markup, no highlighting, no emoji."""
    return Console(stderr=stderr, markup=False, highlight=False, emoji=False)


def filled(text: str, indent: str = "") -> str:
    """Text in lines that fit the terminal, words in one piece.

    Args:
        text: one paragraph.
        indent: before each line.
    """
    return textwrap.fill(
        text,
        console().width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str | Text]],
    right: Iterable[str] = (),
    whole: Iterable[str] = (),
) -> Table:
    """Table that wraps instead of cutting off.

    Args:
        columns: headings; the first column is never wrapped, nor is one of `whole`.
        rows: cells, one sequence a row.
        right: headings of the columns to align right.
        whole: headings of further columns whose cells are kept in one piece, to be typed.
    """
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for i, name in enumerate(columns):
        justify: Literal["left", "right"] = "right" if name in right else "left"
        made.add_column(
            name, justify=justify, overflow="fold", no_wrap=i == 0 or name in (*right, *whole)
        )
    for row in rows:
        made.add_row(*row)
    return made


def facts(pairs: Iterable[tuple[str, str]]) -> Table:
    """Two columns without lines: what and its value, wrapped under itself."""
    made = Table.grid(padding=(0, 2))
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in pairs:
        made.add_row(name, value)
    return made


def number(value: float) -> str:
    """A number as people read it: thousands apart, at most four decimals."""
    return f"{value:,.0f}" if value == int(value) and abs(value) >= 1 else f"{value:.4f}"


@contextmanager
def progress(title: str) -> Iterator[Callable[[float, str], None]]:
    """A bar on a terminal, nothing elsewhere; it goes when the work is done."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.table import Column

    screen = console(stderr=True)
    rest = Column(ratio=1, no_wrap=True, overflow="ellipsis")
    columns = (
        TextColumn(title),
        BarColumn(bar_width=20),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[line]}", style="dim", markup=False, table_column=rest),
    )
    off = not screen.is_terminal
    with Progress(*columns, console=screen, transient=True, disable=off, expand=True) as bars:
        bar = bars.add_task(title, total=1.0, line="starting")
        yield lambda fraction, line: bars.update(bar, completed=fraction, line=line)
