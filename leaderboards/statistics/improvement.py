"""Probability that a run of one agent beats a run of another."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from leapbench.leaderboards.statistics.bootstrap import REPS, Counts, chunk_size, counts, given
from leapbench.leaderboards.statistics.interval import Floats, Interval, difference, percentile
from leapbench.leaderboards.statistics.strata import Scores, Strata


def probability_of_improvement(
    x: Scores,
    y: Scores,
    *,
    reps: int = REPS,
    level: float = 0.95,
    seed: int = 0,
    small_sample: bool = False,
    indices: tuple[NDArray[np.integer], NDArray[np.integer]] | None = None,
) -> Interval:
    """P(X > Y) + P(X = Y) / 2, averaged over tasks, by the stratified bootstrap.

    For each task this is the statistic of Mann and Whitney (1947) over the number
    of pairs. Runs of both agents are drawn independently.

    Args:
        x: scores of the agent asked about, float64 (Rx, T); or T arrays.
        y: scores of the other one, float64 (Ry, T); or T arrays. Higher is better.
        reps: number of resamples.
        level: coverage aimed at.
        seed: of the resamples.
        small_sample: draw one run fewer than each task has.
        indices: integers (B, Rx, T) and (B, Ry, T), the resamples to use.

    Returns:
        A probability; [0, 1] when a task has a single run.

    Raises:
        ValueError: when the numbers of tasks differ, or the scores, level, reps or
            indices are not as said.
    """
    pair = [Strata.of(scores, sort=indices is None) for scores in (x, y)]
    if len(pair[0].sizes) != len(pair[1].sizes):
        raise ValueError(f"x has {len(pair[0].sizes)} tasks and y {len(pair[1].sizes)}")
    wins = [_wins(a, b) for a, b in zip(pair[0].tasks, pair[1].tasks, strict=True)]
    value = float(np.mean([win.mean() for win in wins]))
    size = chunk_size(*pair)
    if indices is None:
        if pair[0].single or pair[1].single:
            return Interval(value, 0.0, 1.0)
        drawn = [
            counts(strata, reps, [seed, side], small_sample=small_sample, size=size)
            for side, strata in enumerate(pair)
        ]
    else:
        drawn = [given(strata, index, size) for strata, index in zip(pair, indices, strict=True)]
    return percentile(value, _resampled(pair, wins, drawn), level)


def _wins(x: Floats, y: Floats) -> Floats:
    """What each pair of runs counts, 1, 1/2 or 0; float64 (Rx, Ry)."""
    return (np.sign(difference(x[:, None], y[None])) + 1) / 2


def _resampled(pair: list[Strata], wins: list[Floats], drawn: list[Iterator[Counts]]) -> Floats:
    """The probability in each pair of resamples, float64 (reps,)."""
    bounds = [pairwise(s.starts) for s in pair]
    tasks = [(slice(*x), slice(*y)) for x, y in zip(*bounds, strict=True)]
    parts = []
    for left, right in zip(*drawn, strict=True):
        total = np.zeros(len(left))
        for (x, y), win in zip(tasks, wins, strict=True):
            a, b = left[:, x].astype(np.float64), right[:, y].astype(np.float64)
            total += np.einsum("bj,bj->b", a @ win, b) / (a[0].sum() * b[0].sum())
        parts.append(total / len(wins))
    return np.concatenate(parts)
