"""A table as a picture: each agent's score with its interval, and its ranks."""

from __future__ import annotations

import warnings
from io import BytesIO
from textwrap import wrap
from typing import Any

from leapbench.errors import UserError
from leapbench.figures import matplotlib
from leapbench.leaderboards.render.table import Table, TableColumn, TableRow
from leapbench.leaderboards.render.text import line, name_column

INK, SOFT, RULE, BAND = "#25303b", "#55616d", "#d5dbe1", "#eef2f6"
RANKED, OTHER = "#0072b2", "#7a848e"
DPI = 160
WIDTH = 8.0  # inches
HEIGHT = 0.24  # inches a row
MARGIN = 1.9  # inches above and below the rows
LONGEST = 44  # characters of a name
ACROSS = 112  # characters of a line across the whole picture
SHOWN = 120  # rows


def render(table: Table) -> bytes:
    """`figure` as PNG, the same bytes for equal tables on one machine.

    Raises:
        UserError: when Matplotlib is missing, or there is nothing to draw.
    """
    drawn, file = figure(table), BytesIO()
    with matplotlib("A picture needs").rc_context(_params()), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph", UserWarning)  # drawn as an empty box
        drawn.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def figure(table: Table) -> Any:
    """A forest plot, a `matplotlib.figure.Figure`.

    The first column of intervals is drawn, a row an agent, in the order of the
    table. Rows of one group of ties share a band and a bracket. Rows without a
    value, such as failed ones, are named at the end.

    Raises:
        UserError: when Matplotlib is missing, or there is nothing to draw.
    """
    mpl = matplotlib("A picture needs")
    column = next((c for c in table.columns if c.kind == "interval"), None)
    rows = [row for row in table.rows if column and row.cells[column.key].value is not None]
    if column is None or not rows:
        raise UserError(f"{line(table.title)} has no rows that can be drawn.")
    drawn = rows[:SHOWN]
    left = [row for row in table.rows if row not in drawn]
    with mpl.rc_context(_params()):
        made = mpl.figure.Figure(figsize=(WIDTH, MARGIN + HEIGHT * len(drawn)), dpi=DPI)
        _draw(made, table, drawn, column)
        below = _below(table, drawn, left)
        made.text(0.02, 0.12 / made.get_figheight(), below, color=SOFT, size=7.5, va="bottom")
    return made


def _params() -> dict[str, Any]:
    """Matplotlib's own defaults, whatever the user's are, and ours over them."""
    mpl = matplotlib("A picture needs")
    defaults = {k: v for k, v in mpl.rcParamsDefault.items() if not k.startswith("backend")}
    return defaults | {"text.parse_math": False, "font.size": 9, "text.color": INK}


def _draw(figure: Any, table: Table, rows: list[TableRow], column: TableColumn) -> None:
    """Axes with bands, brackets, names, intervals and ranks; the first row at the top."""
    high = figure.get_figheight()
    axes = figure.add_axes((0.40, 0.98 / high, 0.46, 1 - MARGIN / high))
    figure.text(0.02, 1 - 0.30 / high, line(table.title), size=12, weight="bold")
    caption = "\n".join(wrap(line(table.subtitle), ACROSS)[:2])
    figure.text(0.02, 1 - 0.40 / high, caption, size=8, color=SOFT, va="top")
    name, side = name_column(table).key, axes.get_yaxis_transform()
    for start, stop in _groups(rows):
        axes.axhspan(start - 0.45, stop - 0.55, color=BAND, zorder=0, linewidth=0)
        ends = [start - 0.35, stop - 0.65]
        axes.plot([1.02, 1.02], ends, color=SOFT, lw=1.2, transform=side, clip_on=False)
    for i, row in enumerate(rows):
        cell, ranked = row.cells[column.key], row.status == "ranked"
        tint = RANKED if ranked else OTHER
        if cell.low is not None:
            axes.plot([cell.low, cell.high], [i, i], color=tint, lw=1.6, zorder=2)
        face = tint if ranked else "white"
        axes.plot([cell.value], [i], "o", color=tint, markerfacecolor=face, ms=4.5, zorder=3)
        rank = row.cells["rank"].text if "rank" in row.cells else ""
        axes.text(1.04, i, rank, transform=side, va="center", size=8, color=SOFT)
        label = _short(row.cells[name].text)
        axes.text(-0.02, i, label, transform=side, va="center", ha="right", size=8.5)
    axes.set(ylim=(len(rows) - 0.4, -0.6), yticks=[])
    axes.set_xlabel(_axis(column), size=8.5)
    axes.text(1.04, -0.9, "ranks", transform=side, size=8, color=SOFT, va="bottom")
    axes.tick_params(axis="x", labelsize=8, colors=INK)
    axes.grid(axis="x", color=RULE, lw=0.6)
    axes.set_axisbelow(True)
    for edge in ("top", "left", "right"):
        axes.spines[edge].set_visible(False)


def _groups(rows: list[TableRow]) -> list[tuple[int, int]]:
    """Start and end of each group of two or more tied rows."""
    found, start = [], 0
    for i in range(1, len(rows) + 1):
        if i == len(rows) or rows[i].tie is None or rows[i].tie != rows[start].tie:
            if i - start > 1:
                found.append((start, i))
            start = i
    return found


def _below(table: Table, drawn: list[TableRow], left: list[TableRow]) -> str:
    """What the reader has to know: the marks, and which rows are not in the picture."""
    caption = [
        "Bars: 95 % intervals over seeds. Grey band and bracket: cannot be told from its first."
    ]
    if any(row.status != "ranked" for row in drawn):
        caption[0] += " Hollow: not ranked."
    if left:
        key = name_column(table).key
        names = ", ".join(f"{_short(row.cells[key].text)} ({row.status})" for row in left[:3])
        caption.append(f"Not drawn: {names}{f' and {len(left) - 3} more' if left[3:] else ''}.")
    return "\n".join(
        each for part in caption for each in wrap(part, ACROSS, break_on_hyphens=False)
    )


def _axis(column: TableColumn) -> str:
    better = f", {column.better} is better" if column.better else ""
    return f"{line(column.heading).lower()}{better}"


def _short(text: str) -> str:
    found = line(text) or "?"
    return found if len(found) <= LONGEST else f"{found[: LONGEST - 1]}…"
