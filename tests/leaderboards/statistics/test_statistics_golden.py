"""Against rliable's numbers on the same resamples, and against SciPy."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate
from scipy import stats as scipy_stats

from leapbench.leaderboards import statistics as stats
from leapbench.leaderboards.statistics.student import quantile, survival

GOLDEN = json.loads(Path(__file__).with_name("rliable_golden.json").read_text(encoding="utf-8"))
CASES = [pytest.param(case, id=name) for name, case in GOLDEN["cases"].items()]
TINY = {"rtol": 0, "atol": 1e-10}


def drawn(*shapes: tuple[int, int]) -> list[np.ndarray]:
    """The indices that rliable drew, one (reps, R, T) array for each table."""
    random = np.random.RandomState(GOLDEN["seed"])
    each = [[random.choice(s[0], s, replace=True) for s in shapes] for _ in range(GOLDEN["reps"])]
    return [np.array(table) for table in zip(*each, strict=True)]


@pytest.mark.parametrize("case", CASES)
def test_aggregates_are_those_of_rliable(case: dict) -> None:
    x = np.array(case["x"])
    ours = stats.aggregates(x, indices=drawn(x.shape)[0])
    each = (ours.iqm, ours.median, ours.mean, ours.optimality_gap)
    np.testing.assert_allclose([e.value for e in each], case["aggregates"]["value"], **TINY)
    np.testing.assert_allclose(
        [[e.low for e in each], [e.high for e in each]], case["aggregates"]["ends"], **TINY
    )


@pytest.mark.parametrize("case", CASES)
def test_improvement_is_that_of_rliable(case: dict) -> None:
    x, y = np.array(case["x"]), np.array(case["y"])
    left, right = drawn(x.shape, y.shape)
    ours = stats.probability_of_improvement(x, y, indices=(left, right))
    assert ours.value == pytest.approx(case["improvement"]["value"], abs=1e-10)
    ends = np.ravel(case["improvement"]["ends"])
    np.testing.assert_allclose([ours.low, ours.high], ends, **TINY)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("kind", ["runs", "tasks"])
def test_profiles_are_those_of_rliable(case: dict, kind: str) -> None:
    x = np.array(case["x"])
    ours = stats.performance_profile(
        x, GOLDEN["taus"], average=kind == "tasks", indices=drawn(x.shape)[0]
    )
    np.testing.assert_allclose(ours.fraction, case[kind]["value"], **TINY)
    np.testing.assert_allclose([ours.low, ours.high], case[kind]["ends"], **TINY)


@pytest.mark.parametrize("shape", [(1, 1), (3, 1), (5, 3), (7, 11)])
def test_iqm_is_the_trimmed_mean_of_scipy(shape: tuple[int, int]) -> None:
    x = np.random.default_rng(0).normal(size=shape)
    assert stats.iqm(x) == pytest.approx(scipy_stats.trim_mean(x, 0.25, axis=None), abs=1e-12)


def test_improvement_is_the_statistic_of_mann_and_whitney() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 5, 8).astype(float), rng.integers(0, 5, 6).astype(float)
    u = scipy_stats.mannwhitneyu(x, y).statistic
    ours = stats.probability_of_improvement(x, y, reps=10)
    assert ours.value == pytest.approx(u / 48, abs=1e-12)


@pytest.mark.parametrize("degrees", [1, 2, 3, 9, 50, 1000])
def test_student_t_is_that_of_scipy(degrees: int) -> None:
    t = np.array([-np.inf, -8, -1.5, 0, 0.3, 2, 12, 300, np.inf])
    exact = scipy_stats.t.sf(t, degrees)
    np.testing.assert_allclose(survival(t, degrees), exact, rtol=0, atol=1e-12)
    for p in (0.01, 0.6, 0.975, 0.9999):
        assert quantile(p, degrees) == pytest.approx(scipy_stats.t.ppf(p, degrees), rel=1e-8)


def test_intervals_of_means_are_those_of_scipy() -> None:
    x = np.array([0.3, 0.9, 0.4, 0.7])
    ours = stats.mean_interval(x, level=0.9)
    known = scipy_stats.ttest_1samp(x, 0).confidence_interval(0.9)
    assert (ours.low, ours.high) == pytest.approx(tuple(known), abs=1e-10)
    assert quantile(0.975, 3) == pytest.approx(3.182, abs=6e-4)  # of printed tables


def test_paired_and_welch_differences_are_those_of_scipy() -> None:
    a, b = {1: 0.3, 2: 0.9, 3: 0.4, 8: 2.0}, {1: 0.1, 2: 0.3, 3: 0.4, 9: 7.0}
    ours = stats.paired_difference(a, b)
    pairs = scipy_stats.ttest_rel([0.3, 0.9, 0.4], [0.1, 0.3, 0.4]).confidence_interval()
    assert (ours.low, ours.high) == pytest.approx(tuple(pairs), abs=1e-9)
    x, y = np.array([1.0, 2.0, 4.0]), np.array([2.0, 5.0, 9.0, 3.0])
    loose = stats.welch_difference(x, y)
    exact = scipy_stats.ttest_ind(x, y, equal_var=False)
    spread = exact.confidence_interval()
    assert loose.high >= spread.high  # whole degrees of freedom only
    unit = (spread.high - spread.low) / 2 / scipy_stats.t.ppf(0.975, exact.df)
    half = scipy_stats.t.ppf(0.975, int(exact.df)) * unit
    assert loose.high - loose.value == pytest.approx(half, rel=1e-8)


def test_the_bootstrap_is_that_of_scipy_within_its_own_error() -> None:
    x = np.random.default_rng(4).exponential(size=12)
    known = scipy_stats.bootstrap(
        (x,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(0)
    ).confidence_interval
    ours = stats.aggregates(x, reps=20_000).mean
    assert (ours.low, ours.high) == pytest.approx(tuple(known), abs=0.02)


def test_area_is_the_trapezoid_of_scipy() -> None:
    rng = np.random.default_rng(5)
    budgets, scores = np.array([1.0, 2.0, 5.0, 20.0]), rng.normal(size=(4, 4))
    for log, at in ((False, budgets), (True, np.log(budgets))):
        exact = integrate.trapezoid(scores, at, axis=1) / (at[-1] - at[0])
        ours = stats.curve(budgets, scores, log=log).area
        known = scipy_stats.ttest_1samp(exact, 0).confidence_interval()
        assert (ours.low, ours.high) == pytest.approx(tuple(known), abs=1e-9)
