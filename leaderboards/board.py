"""Boards from result files: who stands where on one task and tier."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

from leapbench.contract.task import TIERS, Protocol, Task
from leapbench.leaderboards import sources
from leapbench.leaderboards.rows import BoardRow, rows
from leapbench.leaderboards.sources import Badges, BoardEntry, Origin, Submissions
from leapbench.leaderboards.statistics import RankInterval, rank_intervals, tie_groups

__all__ = ["Board", "BoardEntry", "BoardRow", "assemble", "load", "of_task", "rows"]
Kind = Literal["ranked", "unranked", "failed", "refused"]


@dataclass(frozen=True)
class Board:
    """The rows of one task and tier.

    A row is ranked when it was made under the current protocol, is no oracle, was
    not refused and no seed of it failed: ranking the seeds that survived would
    flatter it.

    Attributes:
        protocol: the current protocol.
        ranked: best first.
        unranked: oracles and what learned elsewhere, best first.
        failed: rows with a seed that failed.
        refused: rows in which a verification found something wrong.
        other: rows of another protocol; their scores mean something else.
        problems: one line for each file that could not be read.
    """

    protocol: Protocol
    ranked: tuple[BoardRow, ...]
    unranked: tuple[BoardRow, ...]
    failed: tuple[BoardRow, ...]
    other: tuple[BoardRow, ...]
    problems: tuple[str, ...] = ()
    refused: tuple[BoardRow, ...] = ()
    twice: int = 0

    @property
    def scored(self) -> tuple[BoardRow, ...]:
        """Every row whose scores count, the oracles among them."""
        return (*self.ranked, *self.unranked)

    @property
    def rows(self) -> tuple[BoardRow, ...]:
        """Every row of the current protocol, in the order in which tables show them."""
        return (*self.scored, *self.failed, *self.refused)

    @cached_property
    def defaults(self) -> dict[str, BoardRow]:
        """Rows with default settings by name; of several versions that with most seeds.

        Submitted rows are not among them: a stranger's agent may bear any name, and
        these rows speak for the names in claims and cards.
        """
        plain = [row for row in self.scored if row.plain and not row.submission]
        return {row.agent.name: row for row in sorted(plain, key=lambda row: len(row.entries))}

    @cached_property
    def ties(self) -> list[tuple[BoardRow, ...]]:
        """The ranked rows in groups that cannot be told from the head of their group."""
        if not self.ranked:
            return []
        scores = {str(i): row.scores for i, row in enumerate(self.ranked)}
        groups = tie_groups(list(scores), scores, self.protocol.metric.higher_is_better)
        return [tuple(self.ranked[int(name)] for name in group) for group in groups]

    @cached_property
    def ranks(self) -> dict[tuple[str, str], RankInterval]:
        """Ranks of each ranked row, by its key, that these seeds do not rule out."""
        if not self.ranked:
            return {}
        scores = {str(i): row.scores for i, row in enumerate(self.ranked)}
        found = rank_intervals(scores, self.protocol.metric.higher_is_better)
        return {row.key: found[str(i)] for i, row in enumerate(self.ranked)}


def load(
    protocol: Protocol,
    runs: Path | None = None,
    store: Submissions | None = None,
    *,
    badges: Badges | None = None,
    committed: bool = True,
) -> Board:
    """The board of the committed rows, the user's own and the submitted ones.

    Args:
        protocol: task and tier to show; its hash decides which rows are ranked.
        runs: folder given to `leapbench run --out`, which need not exist.
        store: board folder, a `leapbench.leaderboards.submissions.store.SubmissionStore`.
        badges: what was verified, when it is at hand; else it is read.
        committed: whether to show the committed rows.

    Raises:
        UserError: when a verdict cannot be read.
    """
    root = sources.committed_root() if committed else None
    roots: dict[Origin, Path | None] = {"committed": root, "yours": runs}
    found, problems = sources.entries(protocol.task, protocol.tier, roots, store)
    known = badges or sources.badges_of(store)
    judged = [
        replace(
            e,
            badge=known.of(e.result, e.submission),
            result=known.measured(e.result, e.submission),
        )
        for e in found
    ]
    return assemble(protocol, judged, [*known.problems, *problems])


def of_task(
    task: Task,
    tier: str | None = None,
    runs: Path | None = None,
    store: Submissions | None = None,
    *,
    badges: Badges | None = None,
) -> list[Board]:
    """Boards of a task: those with scored rows first, and of these the tier of the highest cost.

    Args:
        task: the task.
        tier: only this one, when the task has it.
        runs: as for `load`.
        store: as for `load`.
        badges: as for `load`.
    """
    names = [name for name in reversed(TIERS) if name in task.protocols and tier in (None, name)]
    found = [load(task.protocols[name], runs, store, badges=badges) for name in names]
    with_rows = [board for board in found if board.scored]
    return with_rows + [board for board in reversed(found) if not board.scored]


def assemble(
    protocol: Protocol, entries: Iterable[BoardEntry], problems: Sequence[str] = ()
) -> Board:
    """Sort entries into rows and rows into a board, whatever order they come in.

    Args:
        protocol: the current protocol.
        entries: results of the protocol's task and tier.
        problems: carried over to the board.
    """
    current: list[BoardEntry] = []
    other: list[BoardEntry] = []
    expected = protocol.hash
    for entry in entries:
        same = entry.result.protocol_hash == expected
        (current if same else other).append(entry)
    kinds: dict[Kind, list[BoardRow]] = {"ranked": [], "unranked": [], "failed": [], "refused": []}
    own, counted = sum(entry.origin == "yours" for entry in current), 0
    for row in rows(current, protocol):
        kinds[_kind(row)].append(row)
        counted += sum(entry.origin == "yours" for entry in row.entries)
    sign = -1 if protocol.metric.higher_is_better else 1
    for kind in ("ranked", "unranked"):
        kinds[kind].sort(key=lambda row: (sign * row.score.value, row.label))
    found = {kind: tuple(each) for kind, each in kinds.items()}
    twice, old = own - counted, tuple(rows(other))
    return Board(protocol, other=old, problems=tuple(problems), twice=twice, **found)


def _kind(row: BoardRow) -> Kind:
    if row.badge == "refused":
        return "refused"
    if row.failures:
        return "failed"
    return "ranked" if row.agent.ranked else "unranked"
