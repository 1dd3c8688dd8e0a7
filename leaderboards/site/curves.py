"""What the pictures of a board show: score against budget, and shares of runs above a score.

A result has a curve when its details hold a list "curve" of records with a
"budget" and the metric's name; which family it is from does not matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

import numpy as np

from leapbench.leaderboards import statistics
from leapbench.leaderboards.board import Board, BoardRow
from leapbench.leaderboards.site.figures import ChartLine
from leapbench.leaderboards.statistics.interval import Floats
from leapbench.results.result import Result

BEST = 6  # more lines cannot be told apart
GREYS = 4
LARGEST = 1e30
SPREAD = 1e-9  # of all scores, below which there is nothing to see
POINTS = 201  # of a profile, between the lowest and the highest run


def shown(board: Board, baselines: Sequence[str]) -> tuple[list[BoardRow], list[BoardRow]]:
    """The rows that are drawn: the best ones, and the card's baselines besides."""
    best = list(board.ranked[:BEST])
    named = [board.defaults[name] for name in baselines if name in board.defaults]
    return best, [row for row in named if row not in best][:GREYS]


def curve(result: Result, metric: str) -> tuple[tuple[float, float], ...]:
    """(budget, value) by ascending budget; empty without a well-formed curve."""
    points = result.details.get("curve")
    if not isinstance(points, list) or not all(isinstance(p, Mapping) for p in points):
        return ()
    pairs = [(point.get("budget"), point.get(metric)) for point in points]
    if not all(_finite(budget) and _finite(value) for budget, value in pairs):
        return ()
    found = sorted((float(budget), float(value)) for budget, value in pairs)  # type: ignore[arg-type]
    return tuple(found) if len({budget for budget, _ in found}) == len(found) > 1 else ()


def score_lines(board: Board, baselines: Sequence[str]) -> tuple[ChartLine, ...]:
    """Mean score at each budget with 95 % intervals over seeds, one line a row."""
    best, others = shown(board, baselines)
    lines = [_score_line(board, row, row in others) for row in (*best, *others)]
    return tuple(line for line in lines if line is not None)


def _score_line(board: Board, row: BoardRow, baseline: bool) -> ChartLine | None:
    """A row's line; None unless all its seeds have curves over the same budgets."""
    found = [curve(entry.result, board.protocol.metric.name) for entry in row.entries]
    budgets = {tuple(budget for budget, _ in points) for points in found}
    if len(budgets) != 1 or not found[0]:
        return None
    drawn = statistics.curve(budgets.pop(), [[value for _, value in points] for points in found])
    sure = bool(np.isfinite(drawn.low).all())
    return ChartLine(
        label=row.label,
        x=drawn.budgets.tolist(),
        y=drawn.mean.tolist(),
        low=drawn.low.tolist() if sure else (),
        high=drawn.high.tolist() if sure else (),
        baseline=baseline,
    )


def profile_lines(boards: Sequence[Board], baselines: Sequence[str]) -> tuple[ChartLine, ...]:
    """Share of runs above each normalised score, over the seeds of all boards.

    Args:
        boards: one or more; only rows that are on all of them are drawn.
        baselines: agents that are drawn in grey.
    """
    tables = [{row.key: row for row in board.scored} for board in boards]
    common = [row for row in boards[0].ranked if all(row.key in table for table in tables)]
    runs = {
        row.label: [list(table[row.key].normalised_scores.values()) for table in tables]
        for row in common
    }
    best = sorted(runs, key=lambda label: -fmean(map(fmean, runs[label])))[:BEST]
    named = {row.agent.name: row.label for row in common if row.plain}
    grey = [named[name] for name in baselines if name in named and named[name] not in best]
    drawn = [*best, *grey[:GREYS]]
    values = [value for label in drawn for task in runs[label] for value in task]
    if not values or max(values) - min(values) < SPREAD:
        return ()
    margin = 0.02 * (max(values) - min(values))
    grid = np.linspace(min(values) - margin, max(values) + margin, POINTS)
    return tuple(_profile_line(label, runs[label], grid, label not in best) for label in drawn)


def _profile_line(
    label: str, runs: Sequence[list[float]], grid: Floats, baseline: bool
) -> ChartLine:
    """A row's profile; without a band, for those of several rows would hide each other."""
    fraction = statistics.performance_profile(runs, grid, reps=1).fraction
    return ChartLine(label, grid.tolist(), fraction.tolist(), baseline=baseline)


def _finite(value: object) -> bool:
    """Whether a number is one that can be drawn; JSON has integers of any size."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and -LARGEST < value < LARGEST  # type: ignore[operator]
