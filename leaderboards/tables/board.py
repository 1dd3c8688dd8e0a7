"""The table of one task and tier."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from leapbench.leaderboards.board import Board
from leapbench.leaderboards.meanings import meaning
from leapbench.leaderboards.render.table import Status, Table, TableCell, TableColumn
from leapbench.leaderboards.render.table import TableRow as Line
from leapbench.leaderboards.rows import BoardRow
from leapbench.leaderboards.statistics import RankInterval
from leapbench.leaderboards.tables import cells
from leapbench.leaderboards.tables.links import NOWHERE, Links

Better = Literal["higher", "lower"]
Ranks = Mapping[tuple[str, str], tuple[RankInterval, int]]
RANK = TableColumn(
    "rank",
    "Rank",
    "rank",
    "lower",
    "Ranks that these seeds do not rule out (95 %).",
    legend="places that these seeds do not rule out (95 %)",
)
AGENT = TableColumn("agent", "Agent")
BADGE = TableColumn(
    "badge",
    "Verified",
    "badge",
    help="The least of what is verified about its seeds.",
    spare=1,
    legend="what somebody checked of it, at least",
)
SEEDS = "runs from the start, each with randomness of its own"
ATTEMPTS = TableColumn(
    "attempts",
    "Attempts",
    "number",
    "lower",
    "How often this entrant submitted this agent; a dash for what was never submitted.",
    spare=2,
    legend="how often it was submitted",
)
NORMALISED = "score from 0 (floor) to 1 (ceiling)"
COSTS = (
    TableColumn(
        "spent",
        "Budget used",
        "number",
        "lower",
        "Highest share of a phase's budget.",
        spare=4,
        legend="of the phase that used most of its own",
    ),
    TableColumn("n", "Seeds", "number", spare=3, legend=SEEDS),
    TableColumn(
        "cpu",
        "CPU s",
        "number",
        "lower",
        "Mean CPU seconds a seed, with training.",
        6,
        "processor seconds a seed, with training",
    ),
)
FROM = TableColumn("from", "From", help="Committed, your own, or who submitted it.", spare=5)
UNRANKED = "Not ranked are agents that look at what agents may not see, or that learned elsewhere."


def board_table(board: Board, links: Links = NOWHERE) -> Table:
    """Every row of one task and tier: ranked, then oracles, failed and refused ones.

    Args:
        board: the rows.
        links: where agents lead.
    """
    protocol = board.protocol
    metric = protocol.metric
    better: Better = "higher" if metric.higher_is_better else "lower"
    columns = (
        RANK,
        AGENT,
        TableColumn(
            "normalised",
            "Normalised",
            "interval",
            "higher",
            "0 at the floor, 1 at the ceiling.",
            legend=NORMALISED,
        ),
        TableColumn(
            "score",
            metric.name,
            "interval",
            better,
            "Mean over seeds ± 95 % interval.",
            legend=meaning(protocol),
        ),
        *COSTS,
        BADGE,
        ATTEMPTS,
        FROM,
    )
    ranks, copies = _ranks(board), _copies(board)
    lines = tuple(
        _line(row, place, ranks, copies.get(row.key, ""), links)
        for place, row in enumerate(board.rows, 1)
    )
    return Table(
        title=f"{protocol.task}, tier {protocol.tier}",
        subtitle=f"Protocol {protocol.hash}; {metric.name}, {better} is better; {_spread(board)}",
        columns=columns,
        rows=lines,
        notes=tuple(_notes(board)),
        meta={
            "kind": "board",
            "task": protocol.task,
            "tier": protocol.tier,
            "protocol_hash": protocol.hash,
            "metric": metric.name,
        },
    )


def _spread(board: Board) -> str:
    """What stands behind ±, or that nothing does."""
    if any(len(row.scores) > 1 for row in board.rows):
        return cells.INTERVAL
    return cells.ALONE if board.scored else "no scores"


def _notes(board: Board) -> Iterator[str]:
    if board.unranked:
        yield UNRANKED
    if board.failed:
        yield "A row with a failed seed is not ranked: the seeds that survived would flatter it."
    if board.refused:
        yield "In a refused row a verification found something wrong; its numbers are not shown."
    if len({len(row.scores) for row in board.ranked}) > 1:
        yield (
            "The rows have different numbers of seeds; where two have few in common, hardly any "
            "rank can be excluded."
        )
    if board.twice:
        yield (
            f"{board.twice} results of yours are of seeds that committed rows have: a seed counts "
            "once, and the committed one does. Other seeds join the row."
        )
    if board.other:
        yield f"{len(board.other)} rows of another protocol are not shown."
    if board.problems:
        yield f"{len(board.problems)} files could not be read and are left out."
    if any(row.submission for row in board.rows):
        yield "Submitted rows bear the name that their entrant gave; a badge says what was checked."
    if {1} < {min(len(row.scores), 2) for row in board.scored}:
        yield "A score without ± is that of one seed: it has no interval."


def _ranks(board: Board) -> Ranks:
    """Rank interval and number of the group of ties of each ranked row."""
    groups = enumerate(board.ties)
    return {row.key: (board.ranks[row.key], i) for i, group in groups for row in group}


def _copies(board: Board) -> dict[tuple[str, str], str]:
    """A note on each submitted row whose results are those of an earlier row, byte for byte."""
    first: dict[tuple[str, ...], BoardRow] = {}
    found = {}
    for row in sorted(board.rows, key=lambda r: r.submission.received if r.submission else ""):
        ids = tuple(entry.result.run_id for entry in row.entries)
        other = first.setdefault(ids, row)
        if row.submission and other is not row:
            found[row.key] = f"the same results as {other.label}"
    return found


def _line(row: BoardRow, place: int, ranks: Ranks, copy: str, links: Links) -> Line:
    rank, tie = ranks.get(row.key, (None, None))
    shown = row if row.scores and row.badge != "refused" else None
    note = "; ".join(filter(None, (failure(row), copy)))
    found = {
        "rank": cells.rank(place, rank),
        "agent": TableCell(row.label, row.label, note=note, link=links.agent(row)),
        "normalised": cells.interval(shown.normalised if shown else None, 3),
        "score": cells.interval(shown.score if shown else None),
        "spent": cells.share(row.spent),
        "n": cells.count(len(row.scores)),
        "cpu": cells.number(row.cpu, 1),
        "badge": TableCell(row.badge, row.badge),
        "attempts": cells.attempts(row),
        "from": cells.whose(row),
    }
    return Line(found, status(row), tie)


def status(row: BoardRow) -> Status:
    """Why a row of the current protocol is ranked or not."""
    if row.badge == "refused":
        return "refused"
    if row.failures:
        return "failed"
    return "ranked" if row.agent.ranked else "unranked"


def failure(row: BoardRow) -> str:
    """The first seed that did not end well, and why; empty where all did."""
    if not row.failures:
        return ""
    first, more = row.failures[0], len(row.failures) - 1
    also = f" (and {more} more)" if more else ""
    return f"seed {first.seed} {first.status}{also}: {first.message[:200]}".rstrip(": ")
