"""Pages of agents: where each stands, what it is made of, how it did seed by seed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from leapbench.contract import registry
from leapbench.leaderboards.board import Board, BoardRow
from leapbench.leaderboards.commands import run_command
from leapbench.leaderboards.render.table import Table, TableCell, TableColumn
from leapbench.leaderboards.render.table import TableRow as Line
from leapbench.leaderboards.site.paths import LINKS, agent_path
from leapbench.leaderboards.statistics import RankInterval
from leapbench.leaderboards.submissions.bundle.manifest import Entrant
from leapbench.leaderboards.tables import cells
from leapbench.leaderboards.tables.board import ATTEMPTS, BADGE, FROM, failure, status
from leapbench.results.result import Part, Result, Scalar

STANDING = (
    TableColumn("task", "Task"),
    TableColumn("tier", "Tier"),
    TableColumn("rank", "Rank", "rank", "lower", "Ranks that these seeds do not rule out (95 %)."),
    TableColumn("of", "Of", "number", help="Ranked rows of that board."),
    TableColumn("score", "Score", "interval", help="Mean over seeds with a 95 % interval."),
    TableColumn(
        "normalised", "Normalised", "interval", "higher", "0 at the floor, 1 at the ceiling."
    ),
    TableColumn("n", "Seeds", "number"),
    TableColumn("cpu", "CPU s", "number", "lower", "Mean CPU seconds a seed, training included."),
    BADGE,
    ATTEMPTS,
    FROM,
    TableColumn("settings", "Settings", help="What differs from the defaults, and the version."),
)
SEEDS = (
    TableColumn("task", "Task"),
    TableColumn("tier", "Tier"),
    TableColumn("seed", "Seed", "number", "lower"),
    TableColumn("score", "Score", "number", "higher"),
    TableColumn("normalised", "Normalised", "number", "higher"),
    TableColumn("phases", "Spent", help="What each phase used of its budget."),
    TableColumn("cpu", "CPU s", "number", "lower"),
    TableColumn("run", "Run id", help="Hash of what the row says."),
    FROM,
)
DIRECTORY = (
    TableColumn("agent", "Agent"),
    TableColumn("tasks", "Boards", "number", "higher"),
    TableColumn("best", "Best rank", "rank", "lower", "Of its boards, as a range at 95 %."),
    TableColumn("normalised", "Best normalised", "number", "higher"),
)


@dataclass(frozen=True)
class PartView:
    """A part of an agent as it ran, and what its declaration says about it."""

    name: str
    role: str
    version: int
    file_hash: str
    config: tuple[tuple[str, Scalar], ...]
    summary: str
    paper: str


@dataclass(frozen=True)
class Author:
    """Who submitted an agent, in their own words, and how often."""

    entrant: Entrant
    attempts: int
    received: str
    signed_by: str
    boards: str


@dataclass
class AgentPage:
    """One agent on all boards."""

    name: str
    path: str
    ranked: bool
    rows: list[tuple[Board, BoardRow]]

    @property
    def authors(self) -> list[Author]:
        """Everybody who submitted an agent of this name, by day; nothing about others' rows."""
        found = [
            Author(
                sent.entrant,
                sent.attempts,
                sent.received[:10],
                sent.signed_by,
                f"{board.protocol.task}, tier {board.protocol.tier}",
            )
            for board, row in self.rows
            if (sent := row.submission)
        ]
        return sorted(dict.fromkeys(found), key=lambda a: (a.received, a.entrant.name, a.boards))

    @property
    def parts(self) -> list[PartView]:
        """Its parts; of several versions every one."""
        found: dict[tuple[str, str, int, str], PartView] = {}
        for board, row in self.rows:
            for part in row.agent.parts:
                view = _part(part, board.protocol.task.partition("/")[0])
                found.setdefault((part.role, part.name, part.version, part.file_hash), view)
        return list(found.values())

    @property
    def standing(self) -> Table:
        """One line a board."""
        lines = tuple(_standing(self.name, board, row) for board, row in self.rows)
        return Table("Its place on every board", STANDING, lines)

    @property
    def seeds(self) -> Table:
        """One line a result file."""
        lines = [_seed(row, entry.result) for _, row in self.rows for entry in row.entries]
        return Table("Every result file", SEEDS, tuple(lines))

    @property
    def commands(self) -> list[str]:
        """What to type to run it again; what was submitted comes out of its bundle."""
        found = [
            "leapbench verify BOARD" if row.submission else run_command(row, board.protocol)
            for board, row in self.rows
        ]
        return list(dict.fromkeys(found))

    @property
    def best(self) -> float:
        """Its best normalised score; below everything for an agent without one."""
        shown = (row for _, row in self.rows if row.scores and row.badge != "refused")
        return max((row.normalised.value for row in shown), default=float("-inf"))


def pages(boards: Iterable[Board]) -> list[AgentPage]:
    """A page for every agent that has a row of a current protocol, the best first."""
    found: dict[str, AgentPage] = {}
    for board in boards:
        for row in board.rows:
            name = row.agent.name
            page = found.setdefault(name, AgentPage(name, agent_path(name), row.agent.ranked, []))
            page.rows.append((board, row))
    return sorted(found.values(), key=lambda page: (not page.ranked, -page.best, page.name))


def directory(found: Iterable[AgentPage]) -> Table:
    """All agents in one table."""
    return Table("Agents", DIRECTORY, tuple(_entry(page) for page in found))


def _part(part: Part, family: str) -> PartView:
    declared = registry.agents_of(family).get(part.name)
    summary, paper = (declared.summary, declared.paper) if declared else ("", "")
    config = tuple(sorted(part.config.items()))
    return PartView(part.name, part.role, part.version, part.file_hash, config, summary, paper)


def _standing(name: str, board: Board, row: BoardRow) -> Line:
    protocol, rank = board.protocol, board.ranks.get(row.key)
    shown = row if row.scores and row.badge != "refused" else None
    found = {
        "task": cells.text(protocol.task, link=LINKS.task(protocol.task, protocol.tier)),
        "tier": cells.text(protocol.tier),
        "rank": _rank(rank, failure(row)),
        "of": cells.count(len(board.ranked)),
        "score": cells.interval(shown.score if shown else None),
        "normalised": cells.interval(shown.normalised if shown else None, 3),
        "n": cells.count(len(row.scores)),
        "cpu": cells.number(row.cpu, 1),
        "badge": TableCell(row.badge, row.badge),
        "attempts": cells.attempts(row),
        "from": cells.whose(row),
        "settings": cells.text(row.label.removeprefix(name).strip()),
    }
    return Line(found, status(row))


def _seed(row: BoardRow, result: Result) -> Line:
    normalised = row.normalised_scores.get(result.seed)
    spent = ", ".join(f"{s.phase} {s.used:,} of {s.limit:,} {s.unit}" for s in result.budget)
    bad = "" if result.status == "ok" else f"{result.status}: {result.message[:200]}"
    found = {
        "task": cells.text(result.task, link=LINKS.task(result.task, result.tier)),
        "tier": cells.text(result.tier),
        "seed": cells.count(result.seed),
        "score": cells.number(result.score, note=bad),
        "normalised": cells.number(normalised, 3),
        "phases": cells.text(spent),
        "cpu": cells.number(result.timing.cpu, 1),
        "run": cells.text(result.run_id),
        "from": cells.whose(row),
    }
    return Line(found, "ranked" if result.status == "ok" else "failed")


def _entry(page: AgentPage) -> Line:
    ranks = [rank for board, row in page.rows if (rank := board.ranks.get(row.key))]
    best = min(ranks, key=lambda rank: (rank.low, rank.high), default=None)
    found = {
        "agent": cells.text(page.name, link=page.path),
        "tasks": cells.count(len(page.rows)),
        "best": _rank(best),
        "normalised": cells.number(page.best, 3),
    }
    return Line(found, "ranked" if page.ranked else "unranked")


def _rank(found: RankInterval | None, note: str = "") -> TableCell:
    """A range of ranks, sorted by its better end."""
    if found is None:
        return TableCell(None, "not ranked", note=note)
    return replace(cells.rank(found.low, found), note=note)
