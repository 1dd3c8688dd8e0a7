"""Pages of agents: where each stands, what it is made of, how it did seed by seed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from leapbench import registry
from leapbench.leaderboards.board import Board, Row
from leapbench.leaderboards.render.table import Cell, Column, Table
from leapbench.leaderboards.render.table import Row as Line
from leapbench.leaderboards.site.content import agent_path, around, run_command, task_path
from leapbench.result import Part, Result, Scalar

STANDING = (
    Column("task", "Task"),
    Column("tier", "Tier"),
    Column("rank", "Rank", "rank", "lower"),
    Column("of", "Of", "number", help="Ranked rows of that board."),
    Column("score", "Score", "interval", help="Mean over seeds with a 95 % interval."),
    Column("normalised", "Normalised", "number", "higher", "0 at the floor, 1 at the ceiling."),
    Column("n", "Seeds", "number"),
    Column("cpu", "CPU s", "number", "lower", "Mean CPU seconds a seed, training included."),
    Column("badge", "Verified", "badge", help="The least of what is verified about its seeds."),
    Column("settings", "Settings", help="What differs from the defaults; else empty."),
)
SEEDS = (
    Column("task", "Task"),
    Column("tier", "Tier"),
    Column("seed", "Seed", "number", "lower"),
    Column("score", "Score", "number", "higher"),
    Column("normalised", "Normalised", "number", "higher"),
    Column("phases", "Spent", help="What each phase used of its budget."),
    Column("cpu", "CPU s", "number", "lower"),
    Column("run", "Run id", help="Hash of the result file's content."),
)
DIRECTORY = (
    Column("agent", "Agent"),
    Column("tasks", "Boards", "number", "higher"),
    Column("best", "Best rank", "rank", "lower"),
    Column("normalised", "Best normalised", "number", "higher"),
)


@dataclass(frozen=True)
class PartView:
    """A part of an agent as it ran, and what its declaration says about it."""

    name: str
    role: str
    version: int
    source_hash: str
    config: tuple[tuple[str, Scalar], ...]
    summary: str
    paper: str


@dataclass(frozen=True)
class Entrant:
    """Who submitted an agent, in their own words."""

    name: str
    url: str
    notes: str


@dataclass
class AgentPage:
    """One agent on all boards."""

    name: str
    path: str
    ranked: bool
    rows: list[tuple[Board, Row]]
    entrants: list[Entrant] = field(default_factory=list)
    badges: Callable[[Row], str] = lambda row: "self-reported"

    @property
    def parts(self) -> list[PartView]:
        """Its parts; of several versions every one."""
        found: dict[tuple[str, str, str], Part] = {}
        for _, row in self.rows:
            for part in row.agent.parts:
                found.setdefault((part.role, part.name, part.source_hash), part)
        return [_part(part) for part in found.values()]

    @property
    def standing(self) -> Table:
        """One line a board."""
        lines = tuple(
            _standing(self.name, board, row, self.badges(row)) for board, row in self.rows
        )
        return Table("Its place on every board", STANDING, lines)

    @property
    def seeds(self) -> Table:
        """One line a result file."""
        lines = [_seed(entry.result) for _, row in self.rows for entry in row.entries]
        return Table("Every result file", SEEDS, tuple(lines))

    @property
    def commands(self) -> list[str]:
        """What to type to run it again."""
        return list(dict.fromkeys(run_command(row, board.protocol) for board, row in self.rows))

    @property
    def best(self) -> float:
        """Its best normalised score; below everything for an agent without one."""
        return max((row.normalised for _, row in self.rows if row.scores), default=float("-inf"))


def pages(
    boards: Iterable[Board], badges: Callable[[Row], str], entrants: Mapping[str, Entrant]
) -> list[AgentPage]:
    """A page for every agent that has a row of a current protocol, the best first.

    Args:
        boards: all of them.
        badges: what was verified about a row.
        entrants: who submitted what, by run id.
    """
    found: dict[str, AgentPage] = {}
    for board in boards:
        for row in (*board.scored, *board.failed):
            name = row.agent.name
            page = found.setdefault(name, AgentPage(name, agent_path(name), row.agent.ranked, []))
            page.rows.append((board, row))
            page.badges = badges
            named = (entrants.get(entry.result.run_id) for entry in row.entries)
            page.entrants += [e for e in dict.fromkeys(named) if e and e not in page.entrants]
    return sorted(found.values(), key=lambda page: (not page.ranked, -page.best, page.name))


def directory(found: Iterable[AgentPage]) -> Table:
    """All agents in one table."""
    return Table("Agents", DIRECTORY, tuple(_entry(page) for page in found))


def _part(part: Part) -> PartView:
    declared = registry.agents().get(part.name)
    summary, paper = (declared.summary, declared.paper) if declared else ("", "")
    config = tuple(sorted(part.config.items()))
    return PartView(part.name, part.role, part.version, part.source_hash, config, summary, paper)


def _standing(name: str, board: Board, row: Row, badge: str) -> Line:
    protocol, rank = board.protocol, board.rank(row.agent)
    note = "" if not row.failures else f"failed: {row.failures[0].message[:200]}"
    cells = {
        "task": Cell(
            protocol.task, protocol.task, link=f"{task_path(protocol.task)}#{protocol.tier}"
        ),
        "tier": Cell(protocol.tier, protocol.tier),
        "rank": Cell(rank, "not ranked" if rank is None else str(rank), note=note),
        "of": Cell(len(board.ranked), str(len(board.ranked))),
        "score": _score(row),
        "normalised": _number(row.normalised if row.scores else None),
        "n": Cell(len(row.scores), str(len(row.scores))),
        "cpu": _number(row.cpu, 1),
        "badge": Cell(badge, badge),
        "settings": Cell(row.label, row.label.removeprefix(name).strip()),
    }
    return Line(cells, "failed" if row.failures else "ranked" if rank else "unranked")


def _score(row: Row) -> Cell:
    if not row.scores:
        return Cell(None, "none")
    found = row.score
    return Cell(found.mean, around(found.mean, found.half_width), found.low, found.high)


def _seed(result: Result) -> Line:
    spent = ", ".join(f"{s.phase} {s.used:,} of {s.limit:,} {s.unit}" for s in result.budget)
    bad = "" if result.status == "ok" else f"{result.status}: {result.message[:200]}"
    cells = {
        "task": Cell(result.task, result.task, link=f"{task_path(result.task)}#{result.tier}"),
        "tier": Cell(result.tier, result.tier),
        "seed": Cell(result.seed, str(result.seed)),
        "score": Cell(
            result.score, "none" if result.score is None else f"{result.score:.4f}", note=bad
        ),
        "normalised": _number(result.normalised),
        "phases": Cell(spent, spent),
        "cpu": _number(result.timing.cpu, 1),
        "run": Cell(result.run_id, result.run_id),
    }
    return Line(cells, "ranked" if result.status == "ok" else "failed")


def _entry(page: AgentPage) -> Line:
    ranks = [rank for board, row in page.rows if (rank := board.rank(row.agent))]
    best = min(ranks, default=None)
    cells = {
        "agent": Cell(page.name, page.name, link=page.path),
        "tasks": Cell(len(page.rows), str(len(page.rows))),
        "best": Cell(best, "not ranked" if best is None else str(best)),
        "normalised": _number(page.best if page.best > float("-inf") else None),
    }
    return Line(cells, "ranked" if page.ranked else "unranked")


def _number(value: float | None, digits: int = 3) -> Cell:
    return Cell(value, "none" if value is None else f"{value:.{digits}f}")
