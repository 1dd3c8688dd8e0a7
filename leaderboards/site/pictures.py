"""Charts of boards, each with its description and its numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import inf
from pathlib import Path

from leapbench.leaderboards.board import Board
from leapbench.leaderboards.render.table import Table, TableCell, TableColumn, TableRow
from leapbench.leaderboards.site.curves import BEST, profile_lines, score_lines
from leapbench.leaderboards.site.figures import Chart, ChartLine, svg
from leapbench.leaderboards.site.markup import number, slug
from leapbench.leaderboards.site.pages import Picture
from leapbench.leaderboards.statistics import Interval
from leapbench.leaderboards.tables.cells import interval

SIZE = re.compile(r'width="([\d.]+)pt" height="([\d.]+)pt"')


def score_budget(board: Board, baselines: Sequence[str], out: Path) -> Picture | None:
    """Score against budget; None where the results hold no curves.

    Args:
        board: rows of one task and tier.
        baselines: agents of the card that are drawn in grey.
        out: the site's folder.
    """
    lines = score_lines(board, baselines)
    if not lines:
        return None
    protocol = board.protocol
    unit = protocol.evaluation.unit or "budget"
    chart = Chart(lines, f"budget, {unit}", protocol.metric.name)
    name = f"{slug(protocol.task.replace('/', '-'))}-{protocol.tier}-curves"
    return _written(
        chart,
        out,
        name,
        title="Score against budget",
        alt=_ends(chart, protocol.metric.higher_is_better),
        caption=f"Mean {protocol.metric.name} over seeds at each budget; bands are 95 % intervals. "
        + _which(lines, len(board.ranked)),
    )


def profile(
    boards: Sequence[Board], baselines: Sequence[str], out: Path, name: str
) -> Picture | None:
    """Share of runs above each normalised score; None where there is nothing to draw.

    Args:
        boards: one a task; rows that lack one of them are not drawn.
        baselines: agents of the card that are drawn in grey.
        out: the site's folder.
        name: of the file, without ending.
    """
    lines = profile_lines(boards, baselines)
    if not lines:
        return None
    runs = "the seeds of all tasks" if len(boards) > 1 else "seeds"
    ranked = len({row.label for board in boards for row in board.ranked})
    return _written(
        Chart(lines, "normalised score", "share of runs above", steps=True, unit_interval=True),
        out,
        name,
        title="Performance profile",
        alt=_medians(lines),
        caption=f"Share of runs ({runs}) with a normalised score above the one below; a line "
        f"further right is better. {_which(lines, ranked)} Oracles are not drawn.",
    )


def _medians(lines: Sequence[ChartLine]) -> str:
    """A profile in words: where the middle run of the first and of the last line lies."""
    places = [next(x for x, y in zip(line.x, line.y, strict=True) if y <= 0.5) for line in lines]
    return (
        f"Step chart of the share of runs above each normalised score, {len(lines)} lines, all "
        f"falling from 1 to 0. The line of {lines[0].label} passes one half at {places[0]:.3f}, "
        f"that of {lines[-1].label} at {places[-1]:.3f}."
    )


def _written(chart: Chart, out: Path, name: str, title: str, alt: str, caption: str) -> Picture:
    text = svg(chart)
    file = f"images/{name}.svg"
    (out / file).write_text(text, encoding="utf-8")
    size = SIZE.search(text)
    width, height = (round(float(s) * 4 / 3) for s in size.groups()) if size else (640, 480)
    return Picture(file, title, alt, caption, _numbers(chart, title), width, height)


def _which(lines: Sequence[ChartLine], ranked: int) -> str:
    """Which rows were drawn, when not all of them were."""
    best = sum(not line.baseline for line in lines)
    grey = "the baselines of the card in grey" if len(lines) > best else ""
    if ranked <= BEST:
        return f"{grey[:1].upper()}{grey[1:]}." if grey else ""
    also = f", and {grey}" if grey else ""
    return f"Of {ranked} ranked rows the first {best} are drawn{also}."


def _ends(chart: Chart, higher: bool) -> str:
    """The chart in words: what is on the axes, and who leads at either end."""
    lines = [line for line in chart.lines if list(line.x) == list(chart.lines[0].x)]
    best = max if higher else min
    left = best(lines, key=lambda line: line.y[0])
    right = best(lines, key=lambda line: line.y[-1])
    first, last = lines[0].x[0], lines[0].x[-1]
    return (
        f"Line chart of {chart.up} over {chart.across}, {len(lines)} lines. "
        f"At {number(first)} the best is {left.label} with {left.y[0]:.3f}, "
        f"at {number(last)} it is {right.label} with {right.y[-1]:.3f}."
    )


def _numbers(chart: Chart, title: str) -> Table:
    """What the chart draws, a row a line; of many places about eight."""
    places = sorted({x for line in chart.lines for x in line.x})
    places = places[:: max(1, len(places) // 8)]
    columns = [TableColumn("agent", "Agent")]
    columns += [
        TableColumn(f"x{i}", number(round(x, 3)), "interval", "higher")
        for i, x in enumerate(places)
    ]
    rows = tuple(_row(line, places) for line in chart.lines)
    return Table(title, tuple(columns), rows, f"{chart.up} by {chart.across}")


def _row(line: ChartLine, places: Sequence[float]) -> TableRow:
    cells = {"agent": TableCell(line.label, line.label)}
    for i, x in enumerate(places):
        at = line.x.index(x) if x in line.x else None
        if at is None:
            cells[f"x{i}"] = TableCell(None, "")
        else:
            ends = (line.low[at], line.high[at]) if line.low else (-inf, inf)
            cells[f"x{i}"] = interval(Interval(line.y[at], *ends), 3)
    return TableRow(cells)
