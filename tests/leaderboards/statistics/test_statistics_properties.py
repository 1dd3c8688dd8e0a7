"""What must hold of aggregates, profiles, probabilities and curves for any scores."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from leapbench.leaderboards import statistics as stats
from leapbench.leaderboards.statistics.bootstrap import chunk_size, counts
from leapbench.leaderboards.statistics.bootstrap import given as counts_of
from leapbench.leaderboards.statistics.strata import Strata

FEW = {"reps": 60}
NUMBERS = st.one_of(st.floats(-10, 10), st.integers(-3, 3).map(float))


def tables(least: int = 2, most: int = 7) -> st.SearchStrategy[np.ndarray]:
    shapes = array_shapes(min_dims=2, max_dims=2, min_side=least, max_side=most)
    return arrays(np.float64, shapes, elements=NUMBERS)


def shuffled(table: np.ndarray, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).permuted(table, axis=0)


def each(found: stats.Aggregates) -> list[stats.Interval]:
    return [found.iqm, found.median, found.mean, found.optimality_gap]


@given(tables(), st.booleans())
def test_an_interval_contains_its_value(x: np.ndarray, small: bool) -> None:
    found = [*each(stats.aggregates(x, small_sample=small, **FEW)), stats.mean_interval(x)]
    assert all(i.low <= i.value <= i.high and i.known for i in found)


@given(tables(), st.integers(0, 99))
def test_the_order_of_runs_does_not_matter(x: np.ndarray, seed: int) -> None:
    y, taus = shuffled(x, seed), [-1.0, 0.0, 2.0]
    assert stats.aggregates(x, **FEW) == stats.aggregates(y, **FEW)
    assert stats.probability_of_improvement(x, 0 * x, **FEW) == (
        stats.probability_of_improvement(y, 0 * x, **FEW)
    )
    for average in (False, True):
        a, b = (stats.performance_profile(z, taus, average=average, **FEW) for z in (x, y))
        np.testing.assert_array_equal(astuple(a), astuple(b))


def test_the_seed_decides_every_byte() -> None:
    x = np.random.default_rng(0).normal(size=(5, 3))
    first, again = stats.aggregates(x, reps=1500), stats.aggregates(x, reps=1500)
    assert first == again
    assert first != stats.aggregates(x, reps=1500, seed=1)


@given(arrays(np.float64, st.tuples(st.just(4), st.integers(1, 5)), elements=NUMBERS))
def test_a_sample_twice_gives_the_same_estimates(x: np.ndarray) -> None:
    twice, taus = np.concatenate([x, x]), np.linspace(-10, 10, 21)
    for point in (stats.iqm, stats.median, stats.mean, stats.optimality_gap):
        assert point(twice) == pytest.approx(point(x), abs=1e-12)
    y = x[::-1] + 0.5
    few, many = (stats.probability_of_improvement(z, y, **FEW).value for z in (x, twice))
    assert many == pytest.approx(few, abs=1e-12)
    a, b = (stats.performance_profile(z, taus, **FEW).fraction for z in (x, twice))
    np.testing.assert_allclose(a, b, atol=1e-12)


@given(tables(), st.floats(0.5, 4), st.floats(-3, 3))
def test_aggregates_follow_the_unit(x: np.ndarray, scale: float, shift: float) -> None:
    a, b = stats.aggregates(x, **FEW), stats.aggregates(scale * x + shift, **FEW)
    for one, other in ((a.iqm, b.iqm), (a.median, b.median), (a.mean, b.mean)):
        moved = scale * np.array(astuple(one)) + shift
        np.testing.assert_allclose(astuple(other), moved, atol=1e-9)


@given(tables())
def test_arrays_of_one_length_are_a_matrix(x: np.ndarray) -> None:
    assert stats.aggregates(list(x.T), **FEW) == stats.aggregates(x, **FEW)


@given(tables(), st.floats(0, 5))
def test_the_optimality_gap_falls_as_scores_rise(x: np.ndarray, by: float) -> None:
    assert stats.optimality_gap(x + by) <= stats.optimality_gap(x) + 1e-12
    assert stats.optimality_gap(np.minimum(x, 1)) == stats.optimality_gap(x) >= 0


@given(tables(), st.booleans())
def test_a_profile_falls_from_one_to_zero(x: np.ndarray, average: bool) -> None:
    taus = np.array([-11.0, -2.5, -1, 0, 0, 0.3, 5, 11])
    p = stats.performance_profile(x, taus, average=average, **FEW)
    for line in (p.low, p.fraction, p.high):
        assert line[0] == 1
        assert line[-1] == 0
        assert (np.diff(line) <= 1e-12).all()
    assert (p.low <= p.fraction).all()
    assert (p.fraction <= p.high).all()


@given(tables(), st.integers(1, 6), st.floats(0, 3), st.data())
def test_probabilities_of_improvement(x: np.ndarray, runs: int, by: float, data: st.DataObject):
    y = data.draw(arrays(np.float64, (runs, x.shape[1]), elements=NUMBERS))
    one, other = (stats.probability_of_improvement(*p, **FEW) for p in ((x, y), (y, x)))
    assert one.value + other.value == pytest.approx(1, abs=1e-12)
    assert 0 <= one.low <= one.value <= one.high <= 1
    more = stats.probability_of_improvement(x + by, y, **FEW)
    assert more.value >= one.value - 1e-12
    assert more.low >= one.low - 1e-12
    assert stats.probability_of_improvement(x, x, **FEW).value == pytest.approx(0.5)


@given(st.lists(st.integers(2, 9), min_size=1, max_size=6), st.booleans(), st.integers(1, 900))
@settings(max_examples=40)
def test_each_task_is_drawn_from_alone(sizes: list[int], small: bool, reps: int) -> None:
    strata = Strata.of([np.arange(size, dtype=float) for size in sizes])
    chunks = list(counts(strata, reps, 0, small_sample=small))
    drawn = np.concatenate(chunks)
    assert len(drawn) == reps
    assert all(len(chunk) <= chunk_size(strata) for chunk in chunks)
    each_task = np.add.reduceat(drawn, strata.starts[:-1], axis=1)
    np.testing.assert_array_equal(each_task, [[n - small for n in sizes]] * reps)


@pytest.mark.parametrize("runs", [2, 4, 5, 16, 30, 300])
def test_draws_are_uniform_and_independent(runs: int) -> None:
    strata = Strata.of(np.zeros((runs, 2)))
    drawn = np.concatenate(list(counts(strata, 20_000, 3)))
    p, error = 1 / runs, 5 / np.sqrt(20_000)
    assert abs(drawn.mean(axis=0) - 1).max() < error
    assert drawn[:, 0].var() == pytest.approx(1 - p, abs=3 * error)  # multinomial
    assert np.cov(drawn[:, 0], drawn[:, 1])[0, 1] == pytest.approx(-p, abs=2 * error)
    assert np.cov(drawn[:, 0], drawn[:, -1])[0, 1] == pytest.approx(0, abs=2 * error)


def test_one_run_fewer_makes_the_variance_unbiased() -> None:
    x = np.random.default_rng(0).normal(size=(3, 4))
    strata = Strata.of(x)
    for small, divisor in ((False, 3), (True, 2)):
        drawn = np.concatenate(list(counts(strata, 40_000, 1, small_sample=small)))
        means = drawn @ strata.values / drawn[0].sum()
        exact = (x.var(axis=0) / divisor).sum() / 16
        assert means.var() == pytest.approx(exact, rel=0.05)


@given(tables(), st.integers(0, 9))
def test_the_columns_of_counts_can_be_permuted(x: np.ndarray, seed: int) -> None:
    strata = Strata.of(x, sort=False)
    rng = np.random.default_rng(seed)
    columns, indices = rng.permutation(x.size), rng.integers(0, len(x), (20, *x.shape))
    for make, source in ((counts, 20), (counts_of, indices)):
        one = [
            next(make(strata, source, *([0] if make is counts else []), columns=c))
            for c in (None, columns)
        ]
        np.testing.assert_array_equal(one[0], one[1][:, columns])


@given(tables(least=1), st.floats(0.1, 100), st.booleans())
def test_curves(x: np.ndarray, unit: float, log: bool) -> None:
    budgets = np.arange(1, x.shape[1] + 1) ** 2.0
    one, other = (stats.curve(u * budgets, x, log=log) for u in (1, unit))
    np.testing.assert_allclose(one.mean, x.mean(axis=0), atol=1e-12)
    assert other.area.value == pytest.approx(one.area.value, abs=1e-9)
    assert x.min() - 1e-9 <= one.area.value <= x.max() + 1e-9
    assert one.area.known == (len(x) > 1)
    assert ((one.low <= one.mean) & (one.mean <= one.high)).all()
    flat = stats.curve(budgets, np.full_like(x, 0.25), log=log).area
    assert flat.value == pytest.approx(0.25)


@given(tables())
def test_a_paired_difference_over_tasks_has_the_mean_of_tasks(x: np.ndarray) -> None:
    a = {str(t): dict(enumerate(column)) for t, column in enumerate(x.T)}
    b = {str(t): dict.fromkeys([*range(len(x)), 99], 1.0) for t in range(x.shape[1])}
    b["only here"] = {0: 1.0}
    found = stats.paired_difference_over_tasks(a, b, **FEW)
    assert found.value == pytest.approx(x.mean() - 1, abs=1e-9)
    turned = stats.paired_difference_over_tasks(b, a, **FEW)
    assert turned.value == pytest.approx(-found.value, abs=1e-12)
    first = {"0": a["0"]}
    alone = stats.paired_difference(a["0"], b["0"])
    assert stats.paired_difference_over_tasks(first, b, **FEW).value == alone.value


def test_one_run_says_nothing_about_spread() -> None:
    one = np.array([[0.3, 0.5]])
    found = [*each(stats.aggregates(one)), stats.mean_interval([1.0])]
    found.append(stats.paired_difference({1: 2.0}, {1: 1.0}))
    found.append(stats.welch_difference([1.0], [1.0, 2.0]))
    found.append(stats.paired_difference_over_tasks({"a": {1: 2.0}}, {"a": {1: 1.0}}))
    assert not any(i.known or i.excludes(0) for i in found)
    chance = stats.probability_of_improvement(one, one + 1)
    assert (chance.value, chance.low, chance.high) == (0, 0, 1)
    profile = stats.performance_profile(one, [0.4])
    assert (profile.low[0], profile.fraction[0], profile.high[0]) == (0, 0.5, 1)


X = np.zeros((3, 2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: stats.iqm(np.zeros((0, 2))), "not empty"),
        (lambda: stats.iqm([[1.0], []]), "not empty"),
        (lambda: stats.iqm(np.zeros((2, 2, 2))), "shape"),
        (lambda: stats.mean([1.0, np.nan]), "finite"),
        (lambda: stats.aggregates(X, level=95), "level"),
        (lambda: stats.aggregates(X, reps=0), "reps"),
        (lambda: stats.aggregates(X, indices=np.full((4, 3, 2), 3)), "0..2"),
        (lambda: stats.aggregates(X, indices=np.zeros((4, 3, 3), int)), "indices"),
        (lambda: stats.probability_of_improvement(X, X[:, :1]), "tasks"),
        (lambda: stats.performance_profile(X, [1.0, 0.0]), "ascending"),
        (lambda: stats.curve([1, 1], X), "ascend"),
        (lambda: stats.curve([0, 1], X, log=True), "positive"),
        (lambda: stats.curve([1], X), "budgets"),
        (lambda: stats.paired_difference({1: 1.0}, {2: 1.0}), "seed in common"),
        (lambda: stats.paired_difference_over_tasks({"a": {1: 1.0}}, {}), "task in common"),
    ],
)
def test_what_cannot_be_is_refused(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@given(
    st.lists(st.sampled_from([1, 2, 3, 7, 64, 65, 150]), min_size=1, max_size=5),
    st.booleans(),
    st.integers(0, 2**32),
)
def test_counts_draw_as_many_runs_as_each_task_has(sizes, small, seed):
    strata = Strata.of([np.arange(size, dtype=float) for size in sizes])
    if small and strata.single:
        return
    order = np.random.default_rng(seed).permutation(sum(sizes))
    drawn, moved = (
        np.concatenate(list(counts(strata, 30, seed, small_sample=small, columns=columns)))
        for columns in (None, order)
    )
    assert drawn.shape == (30, sum(sizes))
    assert (moved[:, order] == drawn).all()
    assert drawn.min() >= 0
    each = np.add.reduceat(drawn, np.array(strata.starts[:-1]), axis=1)
    assert (each == np.array(sizes) - small).all()


@pytest.mark.parametrize("runs", [2, 3, 10, 64, 65])
def test_every_run_is_drawn_equally_often_and_independently(runs):
    strata = Strata.of([np.arange(runs, dtype=float)] * 2)
    drawn = np.concatenate(list(counts(strata, 20_000, 0)))
    assert drawn.mean(axis=0) == pytest.approx(1, abs=0.05)
    spread = drawn.var(axis=0)  # of a binomial: runs draws with chance 1 / runs
    assert spread == pytest.approx((runs - 1) / runs, abs=0.06)
    across = np.corrcoef(drawn[:, 0], drawn[:, runs])[0, 1]
    assert abs(across) < 0.04
