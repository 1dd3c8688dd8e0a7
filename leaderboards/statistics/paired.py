"""Differences between two agents over what both were run on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from leapbench.leaderboards.statistics.bootstrap import REPS, counts
from leapbench.leaderboards.statistics.interval import (
    Floats,
    Interval,
    difference,
    percentile,
    unknown,
)
from leapbench.leaderboards.statistics.strata import Strata
from leapbench.leaderboards.statistics.student import mean_interval

Runs = Mapping[int, float]


def paired_difference(a: Runs, b: Runs, *, level: float = 0.95) -> Interval:
    """Mean difference a minus b over common seeds, with Student's t interval.

    Args:
        a: score of each seed on one task.
        b: the same of the other agent.
        level: coverage aimed at.

    Returns:
        The difference in the unit of the scores; with one common seed its
        interval is unknown.

    Raises:
        ValueError: when no seed is common.
    """
    return mean_interval(_differences(a, b), level=level)


def paired_difference_over_tasks(
    a: Mapping[str, Runs],
    b: Mapping[str, Runs],
    *,
    reps: int = REPS,
    level: float = 0.95,
    seed: int = 0,
    small_sample: bool = True,
) -> Interval:
    """Mean over common tasks of the mean difference a minus b over common seeds.

    Differences are drawn anew inside each task (stratified bootstrap, percentile
    interval). `mean_interval` of the same differences is the alternative by
    Student's t.

    Args:
        a: scores, normalised, by task and seed.
        b: the same of the other agent.
        reps: number of resamples.
        level: coverage aimed at.
        seed: of the resamples.
        small_sample: draw one difference fewer than each task has.

    Raises:
        ValueError: when no task is common, or a common task has no common seed.
    """
    tasks = sorted(a.keys() & b.keys())
    if not tasks:
        raise ValueError("the agents have no task in common")
    strata = Strata.of([_differences(a[task], b[task]) for task in tasks])
    value = float(strata.means.mean())
    if strata.single:
        return unknown(value)
    sizes = np.array(strata.sizes) - small_sample
    weights = strata.values / np.repeat(sizes * len(tasks), strata.sizes)
    drawn = counts(strata, reps, seed, small_sample=small_sample)
    resamples = np.concatenate([chunk.astype(np.float64) @ weights for chunk in drawn])
    return percentile(value, resamples, level)


def _differences(a: Runs, b: Runs) -> Floats:
    """Differences over common seeds, by ascending seed."""
    seeds = sorted(a.keys() & b.keys())
    if not seeds:
        raise ValueError("the agents have no seed in common")
    return difference(np.array([a[seed] for seed in seeds]), np.array([b[seed] for seed in seeds]))
