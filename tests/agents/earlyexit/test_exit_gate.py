from __future__ import annotations

import numpy as np
from exit_world import caches, grid, phase
from hypothesis import given
from hypothesis import strategies as st

from leapbench.agents.common.exits.grid import observations
from leapbench.agents.earlyexit.learned_gate.policy import Gate
from leapbench.agents.earlyexit.learned_gate.price import rates, solve_price


@st.composite
def problems(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    samples, exits = draw(st.integers(1, 30)), draw(st.integers(2, 5))
    steps = draw(st.sampled_from([3, 10**6]))
    chances = rng.integers(steps, size=(samples, exits, exits)) / steps
    costs = np.cumsum(rng.integers(1, 100, size=exits))
    return chances, costs, int(rng.integers(costs[0], costs[-1] + 10))


@given(problems())
def test_rates_are_the_best_gain_per_compute(problem):
    chances, costs, _ = problem
    rate = rates(chances, costs)
    for i, k in np.ndindex(*rate.shape):
        gains = [
            (chances[i, k, j] - chances[i, k, k]) * costs[-1] / (costs[j] - costs[k])
            for j in range(k + 1, len(costs))
        ]
        assert np.isclose(rate[i, k], max(gains, default=-np.inf))


@given(problems())
def test_price_is_the_lowest_that_the_budget_allows(problem):
    chances, costs, budget = problem
    rate = rates(chances, costs)

    def spent(price):
        return costs[(rate <= price).argmax(axis=1)].sum()

    price = solve_price(rate, costs, budget)
    assert price >= 0
    assert spent(price) <= budget * len(rate)
    lower = [p for p in (0.0, *rate[:, :-1].ravel()) if 0 <= p < price]
    assert all(spent(p) > budget * len(rate) for p in lower)


def test_predictions_beat_the_base_rate_on_samples_not_seen():
    calibration, held_out = caches(seed=4)
    gate = Gate(updates=200)
    gate.learn(phase(calibration))
    seen = observations(held_out).reshape(-1, observations(held_out).shape[-1])
    chances = np.mean(
        [net(gate._inputs(seen)).sigmoid().detach().numpy() for net in gate.networks], axis=0
    ).reshape(held_out.samples, held_out.exits, -1)
    now = np.diagonal(chances, axis1=1, axis2=2)
    error = ((now - held_out.correct) ** 2).mean(axis=0)
    base = held_out.correct.mean(axis=0)
    assert (error < 0.8 * base * (1 - base)).all()


def test_prices_fall_as_budgets_grow():
    gate = Gate(updates=50)
    predictions = caches()[0]
    gate.learn(phase(predictions))
    assert len(gate.table) == len(grid(predictions))
    assert np.all(np.diff(gate.table[:, 0]) <= 0)
