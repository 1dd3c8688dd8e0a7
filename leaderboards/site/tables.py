"""Tables of the pages: a board, several boards together, the ledger of claims.

This is the seam between the pages and whoever builds tables: the pages draw any
`Table` whose columns have the kinds of `leaderboards.render.table`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

from leapbench.leaderboards.board import Board, Row
from leapbench.leaderboards.render.table import Cell, Column, Table
from leapbench.leaderboards.render.table import Row as Line
from leapbench.leaderboards.site.content import ClaimView, agent_path, around, task_path
from leapbench.leaderboards.statistics import RankInterval, rank_intervals, tie_groups

Better = Literal["higher", "lower"]
Badges = Callable[[Row], str]
RANK = Column("rank", "Rank", "rank", "lower", "Ranks that these seeds do not rule out (95 %).")
PLACE = Column("rank", "Place", "rank", "lower", "Place by the weighted mean.")
AGENT = Column("agent", "Agent")


def board_table(board: Board, badges: Badges) -> Table:
    """Every row of one task and tier: ranked, then oracles, then those that failed.

    Args:
        board: the rows.
        badges: what has been verified about a row.
    """
    protocol = board.protocol
    metric = protocol.metric
    better: Better = "higher" if metric.higher_is_better else "lower"
    columns = (
        RANK,
        AGENT,
        Column("normalised", "Normalised", "number", "higher", "0 at the floor, 1 at the ceiling."),
        Column("score", metric.name, "interval", better, "Mean over seeds ± 95 % interval."),
        Column("spent", "Budget used", "number", "lower", "Highest share of a phase's budget."),
        Column("n", "Seeds", "number"),
        Column("cpu", "CPU s", "number", "lower", "Mean CPU seconds a seed, training included."),
        Column("badge", "Verified", "badge", help="The least of what is verified about its seeds."),
    )
    rows = (*board.scored, *sorted(board.failed, key=lambda row: row.label))
    ranks = _ranks(board)
    lines = tuple(_line(row, badges(row), i, ranks) for i, row in enumerate(rows))
    notes = []
    if board.unranked:
        notes.append("Oracles are not ranked: they look at what agents may not see.")
    if board.other:
        notes.append(f"{len(board.other)} rows of another protocol are not shown.")
    if board.problems:
        notes.append(f"{len(board.problems)} files could not be read and are left out.")
    subtitle = f"Protocol {protocol.hash}; {metric.name}, {better} is better"
    return Table(f"{protocol.task}, tier {protocol.tier}", columns, lines, subtitle, tuple(notes))


def together(
    title: str, boards: Sequence[Board], weights: Mapping[str, float], notes: Sequence[str]
) -> Table | None:
    """Agents over several boards, by weighted mean of normalised scores.

    An agent that lacks a board or failed on one is shown and not ranked.

    Args:
        title: of the table.
        boards: one a task.
        weights: of each task by name, adding up to 1.
        notes: below the table.

    Returns:
        The table; None where fewer than two boards have rows.
    """
    if len(boards) < 2:
        return None
    scores = {board.protocol.task: _normalised(board) for board in boards}
    agents = {name: row for board in boards for name, row in board.defaults.items()}
    means = {
        name: sum(weights[task] * found[name] for task, found in scores.items())
        for name, row in agents.items()
        if row.agent.ranked and all(name in found for found in scores.values())
    }
    lacking = agents.keys() - means.keys()
    ordered = sorted(means, key=lambda name: (-means[name], name))
    ordered += sorted(lacking, key=lambda name: (not agents[name].agent.ranked, name))
    mean = Column("mean", "Mean", "number", "higher", "Weighted mean.")
    each = (Column(task, task, "number", "higher") for task in scores)
    lines = tuple(
        _across(place, name, agents[name], means.get(name), scores)
        for place, name in enumerate(ordered, 1)
    )
    subtitle = "Normalised scores, default settings"
    return Table(title, (PLACE, AGENT, mean, *each), lines, subtitle, tuple(notes))


def ledger(claims: Iterable[ClaimView]) -> Table | None:
    """One line a claim and board; None without claims."""
    columns = (
        Column("claim", "Claim"),
        Column("task", "Task"),
        Column("tier", "Tier"),
        Column("published", "Published"),
        Column("here", "Here", help="Paired difference over common seeds ± 95 % interval."),
        Column("verdict", "Verdict", "badge"),
    )
    lines = tuple(_claim(claim) for claim in claims)
    return (
        Table("Claims", columns, lines, "Differences: the first agent minus the second")
        if lines
        else None
    )


def _ranks(board: Board) -> list[tuple[RankInterval, int]]:
    """Rank interval and number of the group of ties of each ranked row, in their order."""
    if not board.ranked:
        return []
    higher = board.protocol.metric.higher_is_better
    scores = {str(i): row.scores for i, row in enumerate(board.ranked)}
    intervals = rank_intervals(scores, higher)
    groups = tie_groups(list(scores), scores, higher)
    ties = {name: i for i, group in enumerate(groups) for name in group}
    return [(interval, ties[name]) for name, interval in intervals.items()]


def _line(row: Row, badge: str, place: int, ranks: Sequence[tuple[RankInterval, int]]) -> Line:
    rank, tie = ranks[place] if place < len(ranks) else (None, None)
    whole = not row.failures
    note = "" if whole else f"seed {row.failures[0].seed} failed: {row.failures[0].message[:200]}"
    shares = [spent.used / spent.limit for e in row.entries for spent in e.result.budget]
    score = row.score if row.scores else None
    cells = {
        "rank": _rank(place, rank),
        "agent": Cell(row.label, row.label, note=note, link=agent_path(row.agent.name)),
        "normalised": _number(row.normalised if row.scores else None, 3),
        "score": Cell(score.mean, around(score.mean, score.half_width)) if score else _number(None),
        "spent": Cell(max(shares), f"{max(shares):.0%}") if shares else _number(None),
        "n": Cell(len(row.scores), str(len(row.scores))),
        "cpu": _number(row.cpu, 1),
        "badge": Cell(badge, badge),
    }
    return Line(cells, "failed" if not whole else "ranked" if rank else "unranked", tie)


def _rank(place: int, rank: RankInterval | None) -> Cell:
    """Ranks as "3–9"; sorted by place, so that the order of the board comes back."""
    if rank is None:
        return Cell(None, "–")
    return Cell(place + 1, str(rank).replace("-", "–"), rank.low, rank.high)


def _normalised(board: Board) -> dict[str, float]:
    """Mean normalised score of each agent with default settings."""
    return {name: row.normalised for name, row in board.defaults.items()}


def _across(
    place: int, name: str, row: Row, mean: float | None, scores: Mapping[str, Mapping[str, float]]
) -> Line:
    cells = {
        "rank": Cell(None, "–") if mean is None else Cell(place, str(place)),
        "agent": Cell(name, name, link=agent_path(name)),
        "mean": _number(mean, 3),
    }
    cells |= {task: _number(found.get(name), 3) for task, found in scores.items()}
    if mean is not None:
        return Line(cells)
    return Line(cells, "incomplete" if row.agent.ranked else "unranked")


def _claim(claim: ClaimView) -> Line:
    text = f"{claim.agent} over {claim.over}"
    cells = {
        "claim": Cell(claim.name, claim.name, note=text, link=f"claims.html#{claim.anchor}"),
        "task": Cell(claim.task, claim.task, link=f"{task_path(claim.task)}#{claim.tier}"),
        "tier": Cell(claim.tier, claim.tier),
        "published": Cell(claim.published, claim.published or "–"),
        "here": Cell(claim.measured, claim.measured or "–", note=claim.reason),
        "verdict": Cell(claim.verdict, claim.verdict),
    }
    return Line(cells)


def _number(value: float | None, digits: int = 3) -> Cell:
    return Cell(value, "–" if value is None else f"{value:.{digits}f}")


def equal_weights(families: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """Every family counts the same, and every task within its family.

    Args:
        families: tasks with results by family; each has at least one.
    """
    return {task: 1 / (len(families) * len(tasks)) for tasks in families.values() for task in tasks}
