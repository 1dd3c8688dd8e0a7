"""Agents over several tasks and families, by a weighted mean of normalised scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite

from leapbench.contract import registry
from leapbench.errors import UserError, unknown
from leapbench.leaderboards.board import Board
from leapbench.leaderboards.rows import BoardRow, told_apart
from leapbench.leaderboards.statistics import (
    Interval,
    RankInterval,
    mean_interval,
    rank_intervals_bootstrap,
    tie_groups_bootstrap,
)

Key = tuple[str, str]


@dataclass(frozen=True)
class Standing:
    """One agent over all tasks: equal code and settings, and one entrant.

    Attributes:
        rows: its row on each task, by task; a task where it has none is not there.
        label: name, and what tells it from other agents here.
        mean: weighted mean of its normalised scores; None where it lacks a task.
        rank: ranks that the data do not rule out; None when it is not ranked.
        tie: number of its group of ties.
    """

    rows: Mapping[str, BoardRow]
    label: str
    mean: Interval | None = None
    rank: RankInterval | None = None
    tie: int | None = None

    @property
    def first(self) -> BoardRow:
        """A row of it, for what is equal on all of them."""
        return next(iter(self.rows.values()))


@dataclass(frozen=True)
class Overall:
    """All agents over the same tasks.

    Attributes:
        boards: one a task, each with ranked rows.
        weights: of each task, adding up to 1.
        standings: ranked ones first, best first; then those that lack a task.
        apart: boards of tasks for agents of another kind, by their track.
    """

    boards: tuple[Board, ...]
    weights: Mapping[str, float]
    standings: tuple[Standing, ...]
    apart: Mapping[str, tuple[Board, ...]] = field(default_factory=dict)

    @property
    def ranked(self) -> bool:
        """Whether any agent has every task."""
        return any(standing.rank is not None for standing in self.standings)

    @property
    def families(self) -> dict[str, list[str]]:
        """Tasks by family."""
        found: dict[str, list[str]] = {}
        for task in self.weights:
            found.setdefault(task.partition("/")[0], []).append(task)
        return found


def overall(boards: Sequence[Board], weights: Mapping[str, float] | None = None) -> Overall:
    """Rank every agent that has a whole, ranked row on every board.

    The mean of a missing task is not guessed, and a row that failed or was refused
    counts as missing.

    Args:
        boards: one a task; those without ranked rows do not count. Those of a track are
            apart, unless there are no others.
        weights: of each family, positive; those not named weigh 1. Every task
            within a family weighs the same.
    """
    used, apart = comparable(boards)
    shares = task_weights([board.protocol.task for board in used], weights or {})
    found: dict[Key, dict[str, BoardRow]] = {}
    for board in used:
        for row in board.rows:
            found.setdefault(row.key, {})[board.protocol.task] = row
    whole = {key: rows for key, rows in found.items() if _whole(rows, shares)}
    labels = _labels(found)
    standings = _ranked(whole, labels, shares)
    lacking = (Standing(found[key], labels[key]) for key in found.keys() - whole.keys())
    rest = sorted(lacking, key=lambda s: (not s.first.agent.ranked, -len(s.rows), s.label))
    return Overall(used, shares, (*standings, *rest), apart)


def comparable(boards: Iterable[Board]) -> tuple[tuple[Board, ...], dict[str, tuple[Board, ...]]]:
    """Boards with ranked rows that averages may be taken over, and the others by track.

    The first are those of no track, or of the first track where all are of one.
    """
    found: dict[str, tuple[Board, ...]] = {}
    for board in boards:
        if board.ranked:
            track = _track(board)
            found[track] = (*found.get(track, ()), board)
    return found.pop(min(found), ()) if found else (), found


def task_weights(tasks: Iterable[str], families: Mapping[str, float]) -> dict[str, float]:
    """Weight of each task, adding up to 1: its family's, in equal parts."""
    names = list(tasks)
    family = [name.partition("/")[0] for name in names]
    total = sum(families.get(each, 1.0) for each in set(family))
    return {
        name: families.get(each, 1.0) / total / family.count(each)
        for name, each in zip(names, family, strict=True)
    }


def parse_weights(pairs: Iterable[str]) -> dict[str, float]:
    """Weights as typed, such as "earlyexit=2".

    Raises:
        UserError: for a family that does not exist or a weight that is none.
    """
    known = {task.family for task in registry.tasks().values()}
    found: dict[str, float] = {}
    for pair in pairs:
        family, _, typed = pair.partition("=")
        if family not in known:
            raise unknown("family", family, known)
        try:
            found[family] = float(typed)
        except ValueError:
            found[family] = 0.0
        if not (isfinite(found[family]) and found[family] > 0):
            raise UserError(
                f"--weight {pair} is no positive number.", f"Type --weight {family}=2, for example."
            )
    return found


def _track(board: Board) -> str:
    """The track of a board's task, "" for the first of its family."""
    task = registry.tasks().get(board.protocol.task)
    return task.card.track if task else ""


def _whole(rows: Mapping[str, BoardRow], tasks: Mapping[str, float]) -> bool:
    """Whether an agent may be ranked: on every task a row that is."""
    return rows.keys() == tasks.keys() and all(
        row.agent.ranked and not row.failures and row.badge != "refused" for row in rows.values()
    )


def _labels(found: Mapping[Key, Mapping[str, BoardRow]]) -> dict[Key, str]:
    """A label of its own for each agent, whatever it needed on a single board."""
    first = [next(iter(rows.values())) for rows in found.values()]
    apart = told_apart([replace(row, label=row.name) for row in first])
    return {row.key: row.label for row in apart}


def _ranked(
    whole: Mapping[Key, Mapping[str, BoardRow]],
    labels: Mapping[Key, str],
    weights: Mapping[str, float],
) -> list[Standing]:
    """Standings of agents that have every task, the best first."""
    scores = {
        key: [
            [
                weights[task] * len(weights) * value
                for value in rows[task].normalised_scores.values()
            ]
            for task in weights
        ]
        for key, rows in whole.items()
    }
    means = {key: mean_interval(each) for key, each in scores.items()}
    order = sorted(whole, key=lambda key: (-means[key].value, labels[key], key))
    named = {"\n".join(key): scores[key] for key in order}
    ranks = rank_intervals_bootstrap(named, by="mean")
    groups = tie_groups_bootstrap(list(named), named, by="mean")
    ties = {name: i for i, group in enumerate(groups) for name in group}
    return [
        Standing(whole[key], labels[key], means[key], ranks[name], ties[name])
        for key, name in zip(order, named, strict=True)
    ]
