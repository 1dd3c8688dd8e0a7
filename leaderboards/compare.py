"""Two agents, two versions of one, or two folders of results, seed by seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Literal

from leapbench.errors import UserError, unknown
from leapbench.leaderboards.board import load
from leapbench.leaderboards.claims import resolved
from leapbench.leaderboards.rows import Row
from leapbench.leaderboards.statistics import (
    Interval,
    paired_difference,
    paired_difference_over_tasks,
    probability_of_improvement,
)
from leapbench.task import Protocol, Task

Where = Sequence[tuple[Task, Protocol]]
Verdict = Literal["better", "worse", "not distinguishable", "same bytes", "not comparable"]


@dataclass(frozen=True)
class Comparison:
    """Two rows of one task and tier; every number is about the first one.

    Attributes:
        protocol: task and tier.
        agent: what is compared, such as "msdnet+confidence".
        a: the row asked about.
        b: the row that it is set against.
    """

    protocol: Protocol
    agent: str
    a: Row
    b: Row

    @cached_property
    def seeds(self) -> tuple[int, ...]:
        """Seeds that both completed."""
        return tuple(sorted(self.a.scores.keys() & self.b.scores.keys()))

    @cached_property
    def difference(self) -> Interval | None:
        """Mean paired difference a minus b in the score's unit; None without a common seed."""
        return paired_difference(self.a.scores, self.b.scores) if self.comparable else None

    @property
    def improvement(self) -> Interval | None:
        """Probability that a run of a beats one of b, over all their seeds."""
        if not self.comparable:
            return None
        sign = 1 if self.protocol.metric.higher_is_better else -1
        x, y = ([sign * value for value in row.scores.values()] for row in (self.a, self.b))
        return probability_of_improvement(x, y)

    @property
    def comparable(self) -> bool:
        """Whether both are of one protocol, were not refused, and have a seed in common."""
        return bool(self.seeds) and not self.reason

    @property
    def reason(self) -> str:
        """Why they cannot be compared, else empty."""
        hashes = {row.entries[0].result.protocol_hash for row in (self.a, self.b)}
        if len(hashes) > 1:
            return "results of two protocols"
        if "refused" in (self.a.badge, self.b.badge):
            return "a row was refused"
        if not self.seeds and not (self.a.failures or self.b.failures):
            return "no seed in common"
        return ""

    @property
    def failed(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Seeds that failed in one row and ended well in the other: a's, then b's."""
        a, b = ({r.seed for r in row.failures} for row in (self.a, self.b))
        return tuple(sorted(a & self.b.scores.keys())), tuple(sorted(b & self.a.scores.keys()))

    @property
    def verdict(self) -> Verdict:
        """What can be said about a.

        A seed that failed where the other row's did not decides, for the seeds that
        survived would flatter its row.
        """
        if self.reason:
            return "not comparable"
        if _same_bytes(self.a, self.b):
            return "same bytes"
        ours, theirs = self.failed
        if bool(ours) != bool(theirs):
            return "worse" if ours else "better"
        if self.difference is None or not self.difference.excludes(0):
            return "not distinguishable"
        return _side(self.difference, self.protocol.metric.higher_is_better)

    @property
    def budget(self) -> float | None:
        """Highest share of a budget that a used, over that of b."""
        return _ratio(self.a.spent, self.b.spent)

    @property
    def cpu(self) -> float | None:
        """CPU seconds a seed of a over those of b, over the common seeds."""
        return _ratio(*(_cpu(row, self.seeds) for row in (self.a, self.b)))


@dataclass(frozen=True)
class Total:
    """One agent over several tasks, on the normalised scale."""

    agent: str
    tasks: int
    difference: Interval
    verdict: Verdict


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


def totals(found: Sequence[Comparison]) -> list[Total]:
    """A line for each agent that was compared on two tasks or more."""
    groups: dict[str, list[Comparison]] = {}
    for each in found:
        if each.comparable:
            groups.setdefault(each.agent, []).append(each)
    return [_total(agent, group) for agent, group in groups.items() if len(group) > 1]


def _total(agent: str, group: Sequence[Comparison]) -> Total:
    sides: list[dict[str, Mapping[int, float]]] = [{}, {}]
    for each in group:
        for side, row in zip(sides, (each.a, each.b), strict=True):
            side[f"{each.protocol.task} {each.protocol.tier}"] = row.normalised_scores
    difference = paired_difference_over_tasks(*sides)
    found: Verdict = _side(difference, True) if difference.excludes(0) else "not distinguishable"
    if all(each.verdict == "same bytes" for each in group):
        found = "same bytes"
    return Total(agent, len(group), difference, found)


def _folders(where: Where, a: Path, b: Path) -> Iterator[Comparison]:
    """Agents of equal name and settings in both folders; of several versions the newest."""
    for _, protocol in where:
        sides = [_newest(protocol, folder) for folder in (a, b)]
        for name in sorted(sides[0].keys() & sides[1].keys()):
            yield Comparison(protocol, name, sides[0][name], sides[1][name])


def _newest(protocol: Protocol, folder: Path) -> dict[str, Row]:
    board = load(protocol, folder, committed=False)
    made = sorted((*board.other, *board.rows), key=lambda row: (_started(row), row.version))
    return {row.name: row for row in made}


def _agents(where: Where, a: str, b: str, runs: Path | None) -> Iterator[Comparison]:
    names: set[str] = set()
    seen = [False, False]
    for task, protocol in where:
        rows = load(protocol, runs).rows
        names |= {row.name for row in rows}
        pair = [_named(rows, each) or _named(rows, resolved(task, each)) for each in (a, b)]
        seen = [before or row is not None for before, row in zip(seen, pair, strict=True)]
        if pair[0] and pair[1]:
            yield Comparison(protocol, f"{a} against {b}", pair[0], pair[1])
    for each, found in zip((a, b), seen, strict=True):
        if not found:
            raise unknown("row of agent", each, names, "leapbench board TASK")


def _named(rows: Sequence[Row], typed: str) -> Row | None:
    """The row of an agent as typed: a label, a name with a version, or a name alone.

    A name alone means default settings; of several versions the newest.
    """
    name, _, version = typed.rpartition("@")
    found = [row for row in rows if row.label == typed or row.name == typed]
    if not found and name:
        found = [r for r in rows if r.name == name and r.version.startswith(version or "-")]
    return max(found, key=lambda row: (_started(row), row.version), default=None)


def _started(row: Row) -> str:
    return max(entry.result.timing.started for entry in row.entries)


def _same_bytes(a: Row, b: Row) -> bool:
    """Whether the run ids are equal on every seed that both have, and there is one."""
    ids = [{e.result.seed: e.result.run_id or e.result.digest() for e in r.entries} for r in (a, b)]
    common = ids[0].keys() & ids[1].keys()
    return bool(common) and all(ids[0][seed] == ids[1][seed] for seed in common)


def _side(difference: Interval, higher_is_better: bool) -> Literal["better", "worse"]:
    return "better" if (difference.low > 0) == higher_is_better else "worse"


def _cpu(row: Row, seeds: Sequence[int]) -> float | None:
    each = [e.result.timing.cpu for e in row.entries if e.result.seed in seeds]
    return fmean(each) if each else None


def _ratio(a: float | None, b: float | None) -> float | None:
    return a / b if a is not None and b else None
