"""Finds what two agents, versions or folders of results have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from leapbench.contract.task import Protocol, Task
from leapbench.errors import UserError, unknown
from leapbench.leaderboards.board import load
from leapbench.leaderboards.claims import resolved
from leapbench.leaderboards.compare import Comparison
from leapbench.leaderboards.rows import BoardRow

Where = Sequence[tuple[Task, Protocol]]


def compare(
    tasks: Sequence[Task],
    a: str,
    b: str,
    tier: str | None = None,
    runs: Path | None = None,
) -> list[Comparison]:
    """Everything that both have, task by task.

    Args:
        tasks: where to look.
        a: an agent ("name", or "name@hash6" for one version), or a folder of results.
        b: as `a`; both are agents or both are folders.
        tier: only this tier.
        runs: folder of one's own results, for agents.

    Raises:
        UserError: when one is a folder and the other none, for an agent that has no
            rows, and when there is nothing in common.
    """
    folders = [Path(each) for each in (a, b) if Path(each).is_dir()]
    if len(folders) == 1:
        other = b if Path(a).is_dir() else a
        raise UserError(
            f"{folders[0]} is a folder and {other} is none.",
            "Type two agents, or two folders given to `leapbench run --out`.",
        )
    where = [(t, p) for t in tasks for p in t.protocols.values() if tier in (None, p.tier)]
    found = list(_folders(where, *folders) if folders else _agents(where, a, b, runs))
    if not found:
        what = "task, tier and agent" if folders else "task and tier"
        raise UserError(f"{a} and {b} have no {what} in common.", "`leapbench board` shows rows.")
    return found


def _folders(where: Where, a: Path, b: Path) -> Iterator[Comparison]:
    """Agents of equal name and settings in both folders; of several versions the newest."""
    for _, protocol in where:
        sides = [_newest(protocol, folder) for folder in (a, b)]
        for name in sorted(sides[0].keys() & sides[1].keys()):
            yield Comparison(protocol, name, sides[0][name], sides[1][name])


def _newest(protocol: Protocol, folder: Path) -> dict[str, BoardRow]:
    board = load(protocol, folder, committed=False)
    made = sorted((*board.other, *board.rows), key=lambda row: (_started(row), row.version))
    return {row.name: row for row in made}


def _agents(where: Where, a: str, b: str, runs: Path | None) -> Iterator[Comparison]:
    names: set[str] = set()
    seen = [False, False]
    for task, protocol in where:
        rows = load(protocol, runs).rows
        names |= {row.label for row in rows}
        pair = [_named(rows, each) or _named(rows, _full(task, each)) for each in (a, b)]
        seen = [before or row is not None for before, row in zip(seen, pair, strict=True)]
        if pair[0] and pair[1]:
            yield Comparison(protocol, f"{a} against {b}", pair[0], pair[1])
    for each, found in zip((a, b), seen, strict=True):
        if not found:
            raise unknown("row of agent", each, names, "leapbench board TASK")


def _named(rows: Sequence[BoardRow], typed: str) -> BoardRow | None:
    """The row of an agent as typed: a label, a name with a version, or a name alone.

    A name alone means default settings; of several versions the newest.
    """
    name, _, version = typed.rpartition("@")
    found = [row for row in rows if row.label == typed or row.name == typed]
    if not found and name:
        found = [r for r in rows if r.name == name and r.version.startswith(version or "-")]
    return max(found, key=lambda row: (_started(row), row.version), default=None)


def _full(task: Task, typed: str) -> str:
    """An agent as typed with the parts that were left open."""
    name, at, version = typed.partition("@")
    return f"{resolved(task, name)}{at}{version}"


def _started(row: BoardRow) -> str:
    return max(entry.result.timing.started for entry in row.entries)
