"""The table of several tasks together."""

from __future__ import annotations

from collections.abc import Iterator

from leapbench.leaderboards.board import Board
from leapbench.leaderboards.overall import Overall, Standing
from leapbench.leaderboards.render.table import Table, TableCell, TableColumn, Value
from leapbench.leaderboards.render.table import TableRow as Line
from leapbench.leaderboards.rows import BADGES, BoardRow
from leapbench.leaderboards.tables import cells
from leapbench.leaderboards.tables.board import AGENT, ATTEMPTS, BADGE, FROM, RANK, UNRANKED
from leapbench.leaderboards.tables.links import NOWHERE, Links

NOBODY = "No agent has rows on all of these tasks, so none is ranked over them."
SPARE = 7  # of the first task: a narrow rendering leaves out the last one first


def overall_table(title: str, found: Overall, links: Links = NOWHERE) -> Table:
    """Every agent over several tasks; those that lack one are shown and not ranked.

    Args:
        title: of the table.
        found: the agents.
        links: where agents lead.
    """
    mean = TableColumn(
        "mean",
        "Mean",
        "interval",
        "higher",
        "Weighted mean of normalised scores.",
        legend="weighted mean of normalised scores",
    )
    tasks = tuple(_column(board, SPARE + i) for i, board in enumerate(found.boards))
    lines = tuple(_line(s, i, found, links) for i, s in enumerate(found.standings, 1))
    return Table(
        title=title,
        subtitle=f"Weights: {weights_line(found)}. Normalised scores: 0 at a task's floor, "
        "1 at its ceiling; ± is a 95 % interval over seeds",
        columns=(RANK, AGENT, mean, *tasks, BADGE, ATTEMPTS, FROM),
        rows=lines,
        notes=tuple(_notes(found)),
        meta=_meta(found),
    )


def weights_line(found: Overall) -> str:
    """The weights in words, such as "earlyexit 0.67 (3 tasks, equal), coins 0.33 (1 task)"."""
    parts = []
    for family, tasks in found.families.items():
        weight = sum(found.weights[task] for task in tasks)
        each = f"{len(tasks)} tasks, equal" if len(tasks) > 1 else "1 task"
        parts.append(f"{family} {weight:.3g} ({each})")
    return ", ".join(parts)


def _meta(found: Overall) -> dict[str, Value]:
    meta: dict[str, Value] = {"kind": "overall"}
    for board in found.boards:
        task = board.protocol.task
        meta[f"{task} weight"] = found.weights[task]
        meta[f"{task} tier"] = board.protocol.tier
        meta[f"{task} protocol_hash"] = board.protocol.hash
    return meta


def _notes(found: Overall) -> Iterator[str]:
    if found.boards:
        tiers = (f"{b.protocol.task} {b.protocol.tier} ({b.protocol.hash})" for b in found.boards)
        yield f"Tiers and protocols: {', '.join(tiers)}."
    for track, boards in found.apart.items():
        names = ", ".join(board.protocol.task for board in boards)
        yield f"Not here, as the agents are {track}: {names}."
    standings = found.standings
    if not found.ranked:
        yield NOBODY
    if any(s.rank is None and s.first.agent.ranked for s in standings):
        yield "An agent that lacks a task, failed on one or was refused is not ranked."
    if any(not s.first.agent.ranked for s in standings):
        yield UNRANKED


def _column(board: Board, spare: int) -> TableColumn:
    task, tier = board.protocol.task, board.protocol.tier
    return TableColumn(task, task, "interval", "higher", f"Tier {tier}, normalised.", spare)


def _line(standing: Standing, place: int, found: Overall, links: Links) -> Line:
    rows, first = standing.rows, standing.first
    badge = min((row.badge for row in rows.values()), key=BADGES.index)
    made = {
        "rank": cells.rank(place, standing.rank),
        "agent": TableCell(standing.label, standing.label, link=links.agent(first)),
        "mean": cells.interval(standing.mean, 3),
        "badge": TableCell(badge, badge),
        "attempts": _attempts(standing),
        "from": cells.whose(first),
    }
    made |= {task: _task(rows.get(task)) for task in found.weights}
    if standing.rank is not None:
        return Line(made, "ranked", standing.tie)
    return Line(made, "incomplete" if first.agent.ranked else "unranked")


def _task(row: BoardRow | None) -> TableCell:
    """The normalised score on one task, or why there is none."""
    if row is None:
        return TableCell(None, "missing")
    if row.badge == "refused":
        return TableCell(None, "refused")
    if row.failures:
        return TableCell(None, "failed")
    return cells.interval(row.normalised, 3)


def _attempts(standing: Standing) -> TableCell:
    """The most attempts that it had on a task."""
    return max(map(cells.attempts, standing.rows.values()), key=lambda cell: cell.value or 0)
