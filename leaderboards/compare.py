"""Two agents, two versions of one, or two folders of results, seed by seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import Literal

from leapbench.contract.task import Protocol
from leapbench.leaderboards.rows import BoardRow
from leapbench.leaderboards.statistics import (
    Interval,
    paired_difference,
    paired_difference_over_tasks,
    probability_of_improvement,
)

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
    a: BoardRow
    b: BoardRow

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


def _same_bytes(a: BoardRow, b: BoardRow) -> bool:
    """Whether the run ids are equal on every seed that both have, and there is one."""
    ids = [{e.result.seed: e.result.run_id or e.result.digest() for e in r.entries} for r in (a, b)]
    common = ids[0].keys() & ids[1].keys()
    return bool(common) and all(ids[0][seed] == ids[1][seed] for seed in common)


def _side(difference: Interval, higher_is_better: bool) -> Literal["better", "worse"]:
    return "better" if (difference.low > 0) == higher_is_better else "worse"


def _cpu(row: BoardRow, seeds: Sequence[int]) -> float | None:
    each = [e.result.timing.cpu for e in row.entries if e.result.seed in seeds]
    return fmean(each) if each else None


def _ratio(a: float | None, b: float | None) -> float | None:
    return a / b if a is not None and b else None
