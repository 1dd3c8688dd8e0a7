"""A small version of benchmarks/interval_coverage.py: intervals hold what they promise.

Seeds are fixed, so nothing here is left to chance; bounds are the nominal level
plus or minus three standard errors of the simulation and the bias stated in
docs/statistics.md.
"""

from __future__ import annotations

import numpy as np
import pytest

from leapbench.leaderboards import statistics as stats

TRIALS = 400  # standard error 1.1 points at 95 %


def rate(contains: list[bool]) -> float:
    return float(np.mean(contains))


@pytest.mark.parametrize("shape", [(3, 1), (3, 5), (10, 5)])
def test_student_covers_the_mean_of_normal_runs(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    found = [stats.mean_interval(rng.normal(size=shape)) for _ in range(TRIALS)]
    assert 0.917 < rate([i.low <= 0 <= i.high for i in found]) < 0.985


def test_fewer_draws_repair_the_bootstrap_of_few_runs() -> None:
    rng, hits = np.random.default_rng(1), {False: [], True: []}
    for trial in range(TRIALS):
        x = rng.normal(size=(3, 10))
        for small, found in hits.items():
            i = stats.aggregates(x, reps=300, seed=trial, small_sample=small).iqm
            found.append(i.low <= 0 <= i.high)
    assert 0.90 < rate(hits[True]) < 0.985
    assert rate(hits[False]) < rate(hits[True])


def test_rank_intervals_cover_every_rank_of_tied_agents() -> None:
    rng, whole = np.random.default_rng(2), {"holm": [], "none": []}
    for _ in range(100):
        board = {str(i): dict(enumerate(rng.normal(size=5))) for i in range(12)}
        for correction, found in whole.items():
            ranks = stats.rank_intervals(board, correction=correction).values()
            found.extend((r.low, r.high) == (1, 12) for r in ranks)
    assert rate(whole["holm"]) > 0.93
    assert rate(whole["none"]) < 0.80  # why "none" is not the default


def test_rank_intervals_over_tasks_cover_tied_agents() -> None:
    rng, found = np.random.default_rng(3), []
    for board in range(25):
        scores = {str(i): rng.exponential(size=(3, 6)) for i in range(8)}
        ranks = stats.rank_intervals_bootstrap(scores, reps=200, seed=board).values()
        found.extend((r.low, r.high) == (1, 8) for r in ranks)
    assert rate(found) > 0.92
