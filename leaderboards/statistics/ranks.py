"""Which ranks an agent may have, and which rows are tied.

What is controlled: the 95 % interval of a row contains every rank that its
true score could be given, in at least 95 % of boards. A row is set against
N - 1 others, which is N - 1 chances to be wrong, so each side of its interval
is a family of one-sided tests at 2.5 %, adjusted by Holm (1979). Confidence sets
for ranks from comparisons of pairs are due to Mogstad, Romano, Shaikh and
Wilhelm, "Inference for ranks" (2024). The level holds for each row on its own,
not for all rows of a board together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from leapbench.leaderboards.statistics.bootstrap import counts
from leapbench.leaderboards.statistics.estimators import resampled
from leapbench.leaderboards.statistics.interval import Floats, tails
from leapbench.leaderboards.statistics.pairs import Pairs, between, paired
from leapbench.leaderboards.statistics.strata import Scores, Strata
from leapbench.leaderboards.statistics.student import moments, survival

Correction = Literal["holm", "none"]
Aggregate = Literal["iqm", "mean"]
Runs = Mapping[int, float]


@dataclass(frozen=True)
class RankInterval:
    """Ranks that the data do not rule out; 1 is the best.

    Attributes:
        low: 1 + the number of agents that are clearly better.
        high: the number of agents less those that are clearly worse.
    """

    low: int
    high: int

    def __str__(self) -> str:
        return str(self.low) if self.low == self.high else f"{self.low}-{self.high}"


def rank_intervals(
    scores: Mapping[str, Runs],
    higher_is_better: bool = True,
    *,
    level: float = 0.95,
    correction: Correction = "holm",
) -> dict[str, RankInterval]:
    """Rank intervals of agents on one task.

    Two agents are compared by the paired difference over their common seeds
    (Student's t); with fewer than two common seeds by Welch's t over all their
    seeds. An agent with a single seed is not clearly anything.

    Args:
        scores: score of each agent and seed; not empty, finite.
        higher_is_better: whether rank 1 is the highest score.
        level: coverage of each row's interval.
        correction: "holm" for the stated coverage; "none" calls a pair different
            when its own interval excludes zero, which for a row among twenty tied
            ones is wrong far more often than the level says.

    Returns:
        One interval an agent, in the order of the mapping.

    Raises:
        ValueError: when an agent has no score or one that is not finite.
    """
    return _intervals(list(scores), paired(scores, higher_is_better), level, correction)


def rank_intervals_bootstrap(
    scores: Mapping[str, Scores],
    *,
    by: Aggregate = "iqm",
    reps: int = 2_000,
    level: float = 0.95,
    seed: int = 0,
    correction: Correction = "holm",
) -> dict[str, RankInterval]:
    """Rank intervals of agents over several tasks, by an aggregate of normalised scores.

    The stratified bootstrap (with one run fewer a task) gives the standard error of
    an interquartile mean, that of a mean follows from the runs; two agents are compared by
    Welch's t with the degrees of freedom of their stratified means. Seeds are not paired.
    Percentiles of bootstrapped ranks are not used: they leave out true ranks when agents
    are close.

    Args:
        scores: float64 (R, T) of each agent, the same tasks for all; higher is better.
        by: what the agents are ranked by.
        reps: number of resamples of an interquartile mean; 2,000 give a standard error to 2 %.
        level: coverage of each row's interval.
        seed: of the resamples.
        correction: as for `rank_intervals`.

    Raises:
        ValueError: when scores, level or reps are not as said.
    """
    pairs = _resampled_pairs(scores, by, reps, seed)
    return _intervals(list(scores), pairs, level, correction)


def tie_groups(
    order: Sequence[str],
    scores: Mapping[str, Runs],
    higher_is_better: bool = True,
    *,
    level: float = 0.95,
    correction: Correction = "holm",
) -> list[tuple[str, ...]]:
    """Cut a ranking into groups of rows that cannot be told from the head of their group.

    Args:
        order: every agent of `scores` once, best first.
        scores: score of each agent and seed.
        higher_is_better: whether the highest score is the best.
        level: as for `rank_intervals`.
        correction: as for `rank_intervals`.

    Returns:
        Groups in the order given. The first row of each group after the first is
        clearly worse than the head of the group before.

    Raises:
        ValueError: when `order` and `scores` do not name the same agents.
    """
    if sorted(order) != sorted(scores):
        raise ValueError("order must name every agent of scores once")
    pairs = paired({name: scores[name] for name in order}, higher_is_better)
    return _groups(order, pairs, level, correction)


def tie_groups_bootstrap(
    order: Sequence[str],
    scores: Mapping[str, Scores],
    *,
    by: Aggregate = "iqm",
    reps: int = 2_000,
    level: float = 0.95,
    seed: int = 0,
    correction: Correction = "holm",
) -> list[tuple[str, ...]]:
    """As `tie_groups`, over several tasks; arguments as for `rank_intervals_bootstrap`.

    Raises:
        ValueError: when `order` and `scores` do not name the same agents.
    """
    if sorted(order) != sorted(scores):
        raise ValueError("order must name every agent of scores once")
    pairs = _resampled_pairs({name: scores[name] for name in order}, by, reps, seed)
    return _groups(order, pairs, level, correction)


def clearly(
    t: Floats, degrees: NDArray[np.float64], level: float, correction: Correction
) -> NDArray[np.bool_]:
    """Which columns each row is clearly better than; with -t, those it is clearly worse than.

    Args:
        t: float64 (N, N), as in `Pairs`.
        degrees: float64 (N, N), degrees of freedom; 0 where a pair cannot be compared.
        level: half of what it leaves is the risk of this side.
        correction: across the columns of a row.

    Returns:
        bool (N, N).
    """
    side, count = tails(level)[0], len(t)
    p = np.ones(t.shape)
    for d in np.unique(degrees[degrees >= 1]):
        here = (degrees == d) & (t > 0)
        p[here] = survival(t[here], int(d))
    if correction == "none" or count < 2:
        return p <= side
    np.fill_diagonal(p, 2.0)  # never passes; the thresholds are for N - 1 columns
    ordered = np.sort(p, axis=1)[:, :-1]
    passed = ordered <= side / np.arange(count - 1, 0, -1)
    accepted = np.logical_and.accumulate(passed, axis=1).sum(axis=1)
    last = np.where(accepted > 0, ordered[np.arange(count), np.maximum(accepted - 1, 0)], -1.0)
    return np.asarray(p <= last[:, None])


def _intervals(
    names: list[str], pairs: Pairs, level: float, correction: Correction
) -> dict[str, RankInterval]:
    """Rank intervals from comparisons of pairs."""
    better = clearly(-pairs.t, pairs.degrees, level, correction).sum(axis=1)
    worse = clearly(pairs.t, pairs.degrees, level, correction).sum(axis=1)
    return {
        name: RankInterval(1 + int(better[i]), len(names) - int(worse[i]))
        for i, name in enumerate(names)
    }


def _groups(
    order: Sequence[str], pairs: Pairs, level: float, correction: Correction
) -> list[tuple[str, ...]]:
    """Groups of rows, each cut where a row is clearly worse than the head."""
    worse = clearly(pairs.t, pairs.degrees, level, correction)
    groups: list[list[int]] = []
    for row in range(len(order)):
        if groups and not worse[groups[-1][0], row]:
            groups[-1].append(row)
        else:
            groups.append([row])
    return [tuple(order[row] for row in group) for group in groups]


def _resampled_pairs(scores: Mapping[str, Scores], by: Aggregate, reps: int, seed: int) -> Pairs:
    """Comparisons of aggregates with bootstrapped standard errors."""
    each = [_estimate(name, runs, by, reps, seed) for name, runs in scores.items()]
    return between(*np.array(each).reshape(-1, 3).T)


def _estimate(
    name: str, scores: Scores, by: str, reps: int, seed: int
) -> tuple[float, float, float]:
    """An aggregate, its bootstrap standard error and its degrees of freedom."""
    strata = Strata.of(scores)
    if by == "mean":  # resampling with one run fewer a task has this variance exactly
        return float(strata.means.mean()), *moments(strata)
    order = np.argsort(strata.values, kind="stable")
    whole = resampled(strata, order, [np.ones((1, len(order)), np.int64)])[0, 0]
    if strata.single:
        return float(whole), 0.0, 0.0
    # A stream of its own for each name, whatever the other names are.
    stream = [seed, *sha256(name.encode()).digest()]
    columns = np.argsort(order)
    drawn = counts(strata, reps, stream, small_sample=True, columns=columns)
    return float(whole), float(resampled(strata, order, drawn)[0].std()), moments(strata)[1]
