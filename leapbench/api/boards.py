"""`lb.board`, `lb.claims` and `lb.compare`: what the rows say, with the tables to show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from leapbench.api.scope import opened, results, scope
from leapbench.api.shown import Shown
from leapbench.contract.task import Task
from leapbench.errors import UserError
from leapbench.leaderboards import matches, tables
from leapbench.leaderboards.board import Board as TaskBoard
from leapbench.leaderboards.board import of_task
from leapbench.leaderboards.claims import ClaimResult, findings
from leapbench.leaderboards.compare import Comparison, totals
from leapbench.leaderboards.overall import Overall, overall
from leapbench.leaderboards.render.table import Table
from leapbench.leaderboards.rows import BoardRow
from leapbench.leaderboards.sources import badges_of
from leapbench.running.cell import protocol_of


@dataclass(frozen=True, repr=False)
class Board(Shown):
    """Who stands where on a task, or over several.

    Attributes:
        boards: of a task: those with rows first, and of these the most costly tier; of
            several tasks: the first board of each.
        together: the ranks over several tasks; None for one.
        tables: one table.
    """

    boards: tuple[TaskBoard, ...]
    together: Overall | None
    tables: Sequence[Table]

    @property
    def ranked(self) -> tuple[BoardRow, ...]:
        """Ranked rows of the first board, best first."""
        return self.boards[0].ranked

    @property
    def unranked(self) -> tuple[BoardRow, ...]:
        """Rows of the first board that are shown and not ranked: oracles, learned elsewhere."""
        return self.boards[0].unranked


@dataclass(frozen=True, repr=False)
class Claims(Shown):
    """Papers' claims against the rows.

    Attributes:
        findings: what the rows say about each claim, on each task and tier with rows.
        untested: tasks with claims and without rows.
        tables: one table.
    """

    findings: tuple[ClaimResult, ...]
    untested: tuple[str, ...]
    tables: Sequence[Table]


@dataclass(frozen=True, repr=False)
class Compared(Shown):
    """Two agents, two versions of one, or two folders of results.

    Attributes:
        comparisons: what both have, task by task.
        tables: one table.
    """

    comparisons: tuple[Comparison, ...]
    tables: Sequence[Table]

    @property
    def worse(self) -> bool:
        """Whether the first is worse somewhere."""
        found = [c.verdict for c in self.comparisons]
        return "worse" in [*found, *(total.verdict for total in totals(self.comparisons))]


def board(
    name: str | None = None,
    *,
    tier: str | None = None,
    runs: str | Path | None = "runs",
    board: str | Path | None = None,
) -> Board:
    """Rank the agents of a task, a family or all of them; as `leapbench board` does.

    Args:
        name: task or family; None for all.
        tier: only this one; else the most costly that has rows.
        runs: folder of your own results; None for none.
        board: folder of submissions.

    Returns:
        Of a task, the board of each tier that has rows; else the ranks over all tasks.

    Raises:
        UserError: for an unknown name, or where several tasks have no ranked rows.
    """
    tasks = scope(name)
    if tier and len(tasks) == 1:
        protocol_of(tasks[0], tier)
    store = opened(Path(board) if board is not None else None)
    badges, own = badges_of(store), results(runs)
    found = [of_task(task, tier, own, store, badges=badges) for task in tasks]
    if name == tasks[0].name:
        return Board(tuple(found[0]), None, [tables.board_table(found[0][0])])
    first = ranked(found, tier)
    together = overall(first)
    title = f"Family {name}" if name else "All families"
    return Board(tuple(first), together, [tables.overall_table(title, together)])


def ranked(found: Sequence[Sequence[TaskBoard]], tier: str | None) -> list[TaskBoard]:
    """The first board of each task that has ranked rows.

    Raises:
        UserError: when none has.
    """
    first = [each[0] for each in found if each and each[0].ranked]
    if not first:
        where = f" of tier {tier}" if tier else ""
        raise UserError(
            f"There are no ranked rows{where}.", "`leapbench run TASK AGENT` makes some."
        )
    return first


def claims(
    name: str | None = None, *, tier: str | None = None, runs: str | Path | None = "runs"
) -> Claims:
    """Check the papers' claims wherever there are rows; as `leapbench claims` does.

    Args:
        name: task or family; None for all.
        tier: only this one; else all.
        runs: folder of your own results; None for none.

    Returns:
        A finding for each claim on each task and tier with rows.

    Raises:
        UserError: for an unknown name.
    """
    badges, own = badges_of(), results(runs)
    found: list[ClaimResult] = []
    untested = []
    for task in with_claims(name):
        scored = [b for b in of_task(task, tier, own, badges=badges) if b.scored]
        found += [finding for each in scored for finding in findings(task, each)]
        untested += [] if scored else [task.name]
    return Claims(tuple(found), tuple(untested), [tables.claims_table(found)])


def with_claims(name: str | None) -> list[Task]:
    """The tasks of a name that have claims."""
    return [task for task in scope(name) if task.claims]


def compare(
    a: str,
    b: str,
    task: str | None = None,
    *,
    tier: str | None = None,
    runs: str | Path | None = "runs",
) -> Compared:
    """Compare two agents, versions or folders, seed by seed; as `leapbench compare` does.

    Args:
        a: agent, version of one ("name@hash"), or folder of results.
        b: what it is set against, of the same kind.
        task: task or family; None for all.
        tier: only this one.
        runs: folder of your own results; None for none.

    Returns:
        A comparison for each task that both have rows on.

    Raises:
        UserError: when one of them has no rows, or they have nothing in common.
    """
    own = results(runs)
    found = tuple(matches.compare(scope(task), a, b, tier, own))
    return Compared(found, [tables.compare_table(a, b, list(found))])
