from __future__ import annotations

import numpy as np
import pytest
from exit_world import caches, grid
from hypothesis import given, settings
from hypothesis import strategies as st

from leapbench.agents.common.exits.thresholds import leave, shares, solve, thresholds


@st.composite
def problems(draw):
    """Scores (with ties where `steps` is small) and costs."""
    samples, exits = draw(st.integers(1, 60)), draw(st.integers(2, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    steps = draw(st.sampled_from([2, 5, 10**6]))
    score = (rng.integers(steps, size=(samples, exits)) / steps).astype(np.float32)
    costs = np.cumsum(rng.integers(1, 1000, size=exits))
    return score, costs


def by_sorting(score, share):
    """The published procedure, sample by sample."""
    staying = set(range(len(score)))
    exits = np.full(len(score), score.shape[1] - 1)
    for k in range(score.shape[1] - 1):
        quota = int(len(score) * share[k] + 1e-9)
        if quota == 0 or not staying:
            continue
        order = sorted(staying, key=lambda i: -score[i, k])
        limit = score[order[min(quota, len(order)) - 1], k]
        taken = {i for i in staying if score[i, k] >= limit}
        exits[list(taken)] = k
        staying -= taken
    return exits


@given(problems(), st.floats(-5, 5))
def test_the_surest_leave_first(problem, log_p):
    score, costs = problem
    share = shares(log_p, len(costs))
    assert np.array_equal(leave(score, thresholds(score, share)), by_sorting(score, share))


@given(st.floats(-3, 3), st.integers(2, 8))
def test_shares_are_geometric(log_p, exits):
    share = shares(log_p, exits)
    assert share.sum() == pytest.approx(1)
    assert share[1:] / share[:-1] == pytest.approx(np.exp(log_p))


@given(problems(), st.floats(0, 1.2))
def test_cost_stays_within_every_budget(problem, level):
    score, costs = problem
    budget = int(costs[0] + level * (costs[-1] - costs[0]))
    taken = leave(score, solve(score, costs, budget))
    assert costs[taken].sum() <= budget * len(score)
    if budget >= costs[-1]:
        assert (taken == len(costs) - 1).all()


def test_a_budget_below_the_first_exit_lets_everyone_leave_there():
    score = np.random.default_rng(0).random((20, 3))
    assert (leave(score, solve(score, np.array([10, 20, 30]), 9)) == 0).all()


@settings(max_examples=30)
@given(st.integers(0, 2**16), st.floats(0, 1))
def test_without_ties_the_budget_is_used_up(seed, level):
    score = np.random.default_rng(seed).random((400, 4))
    costs = np.array([10, 25, 60, 100])
    budget = int(10 + level * 90)
    left = budget * 400 - costs[leave(score, solve(score, costs, budget))].sum()
    assert 0 <= left <= 4 * (100 - 10)


def test_closed_and_open_exits():
    score = np.tile(np.linspace(0, 1, 10)[:, None], (1, 3))
    assert thresholds(score, np.array([0.05, 0.5, 0.45]))[0] == np.inf
    assert thresholds(score, np.array([0.6, 0.4, 0.0]))[1] == -np.inf
    assert thresholds(score, np.array([0.3, 0.3, 0.4]))[-1] == -np.inf


def test_more_budget_buys_more_accuracy():
    predictions = caches(seed=1)[0]
    taken = [
        leave(predictions.confidence, solve(predictions.confidence, predictions.costs, b))
        for b in grid(predictions)
    ]
    cost = [predictions.costs[t].mean() for t in taken]
    accuracy = [predictions.correct[np.arange(predictions.samples), t].mean() for t in taken]
    assert np.all(np.diff(cost) > 0)
    assert np.all(np.diff(accuracy) > -0.005)
    assert accuracy[-1] - accuracy[0] > 0.05
