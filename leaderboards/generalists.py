"""Agents that know no family, over one task of each family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from leapbench.contract import registry
from leapbench.leaderboards.board import Board
from leapbench.leaderboards.rows import BoardRow
from leapbench.leaderboards.statistics import (
    Interval,
    RankInterval,
    aggregates,
    rank_intervals_bootstrap,
    tie_groups_bootstrap,
)
from leapbench.results.result import Part

Key = tuple[str, ...]


@dataclass(frozen=True)
class General:
    """One generalist over the families.

    Attributes:
        label: its name, and what tells it from others here.
        rows: its row on each family's task, by family; a family where it has none is not there.
        iqm: interquartile mean of its normalised scores over all runs on all tasks; None where
            it lacks a family, which is not guessed.
        rank: ranks that the data do not rule out; None when it is not ranked.
        tie: number of its group of ties.
    """

    label: str
    rows: Mapping[str, BoardRow]
    iqm: Interval | None = None
    rank: RankInterval | None = None
    tie: int | None = None


@dataclass(frozen=True)
class Generalists:
    """All generalists over the families.

    Attributes:
        boards: the board of one task of each family that has rows of them, by family.
        missing: families of whose tasks none has.
        standings: ranked ones first, best first; then those that lack a family.
    """

    boards: Mapping[str, Board]
    missing: tuple[str, ...]
    standings: tuple[General, ...]


def generalists(boards: Sequence[Board]) -> Generalists:
    """Rank the agents of no family over one task of each family.

    The task is the one with rows of most of them, the first of several. Parts beside them,
    such as a network whose exits they choose, are to be the task's default ones.

    Args:
        boards: of any tasks.
    """
    found: dict[str, tuple[Board, dict[Key, BoardRow]]] = {}
    for board in boards:
        family, own = board.protocol.task.partition("/")[0], _rows(board)
        if len(own) > len(found[family][1] if family in found else ()):
            found[family] = board, own
    by_key: dict[Key, dict[str, BoardRow]] = {}
    for family in sorted(found):
        for key, row in found[family][1].items():
            by_key.setdefault(key, {})[family] = row
    every = _families()
    every |= found.keys()
    whole = {key: rows for key, rows in by_key.items() if rows.keys() == every}
    rest = sorted((k for k in by_key if k not in whole), key=lambda k: (-len(by_key[k]), k))
    lacking = tuple(General(_label(key), by_key[key]) for key in rest)
    chosen = {family: found[family][0] for family in sorted(found)}
    missing = tuple(sorted(every - found.keys()))
    return Generalists(chosen, missing, (*_ranked(whole), *lacking))


def _families() -> set[str]:
    """The suite's own families; those of plug-ins count where they have rows."""
    tasks = registry.tasks().values()
    return {task.family for task in tasks if task.harness.startswith("leapbench.")}


def _rows(board: Board) -> dict[Key, BoardRow]:
    """The ranked rows of generalists beside default parts, by what they are known by."""
    task = registry.tasks().get(board.protocol.task)
    found: dict[Key, BoardRow] = {}
    for row in board.ranked if task else ():
        general = [part for part in row.agent.parts if _general(part)]
        others = [part for part in row.agent.parts if not _general(part)]
        usual = all(
            task is not None
            and task.default_agents.get(part.role) == part.name
            and not part.settings
            for part in others
        )
        if len(general) == 1 and usual and not row.submission:
            found.setdefault(_key(general[0]), row)
    return found


def _general(part: Part) -> bool:
    """Whether a part is declared as one that knows no family."""
    declared = registry.agents().get(f"common/{part.name}")
    return bool(declared and declared.general and not part.family and not part.file_hash)


def _key(part: Part) -> Key:
    settings = (f"{name}={value}" for name, value in sorted(part.settings.items()))
    return (part.name, f"v{part.version}", *settings)


def _label(key: Key) -> str:
    """Name and settings, and the version where it is not the one that is declared."""
    name, version, *settings = key
    now = f"v{registry.agents()[f'common/{name}'].version}"
    return " ".join([name, *([] if version == now else [version]), *settings])


def _ranked(whole: Mapping[Key, Mapping[str, BoardRow]]) -> tuple[General, ...]:
    """Those with a row on every family's task, the best first."""
    scores = {
        _label(key): [list(row.normalised_scores.values()) for row in rows.values()]
        for key, rows in whole.items()
    }
    if not scores:
        return ()
    rows = {_label(key): found for key, found in whole.items()}
    iqms = {name: aggregates(each, small_sample=True).iqm for name, each in scores.items()}
    ranks = rank_intervals_bootstrap(scores, by="iqm")
    order = sorted(scores, key=lambda name: (-iqms[name].value, name))
    ties = {n: i for i, g in enumerate(tie_groups_bootstrap(order, scores, by="iqm")) for n in g}
    return tuple(General(n, rows[n], iqms[n], ranks[n], ties[n]) for n in order)
