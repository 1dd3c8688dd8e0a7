from __future__ import annotations

import itertools

import numpy as np
import pytest
from exit_world import caches, grid
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st

from leapbench.agents.earlyexit.oracle.policy import Budgeted, FirstCorrect, plan
from leapbench.envs.earlyexit.few import FEW
from leapbench.envs.earlyexit.vector import EarlyExitVectorEnv
from leapbench.envs.exits.predictions import PredictionCache
from leapbench.errors import UserError


@settings(max_examples=40)
@given(st.integers(0, 2**16), st.floats(0, 1.1))
def test_plan_is_the_best_of_all_plans(seed, level):
    predictions = PredictionCache.synthetic(6, exits=3, classes=4, seed=seed)
    budget = int(predictions.costs[0] + level * (predictions.costs[-1] - predictions.costs[0]))
    first = predictions.correct.argmax(axis=1)

    def right(exits):
        return int(predictions.correct[np.arange(6), np.array(exits)].sum())

    affordable = [
        exits
        for exits in itertools.product(range(3), repeat=6)
        if predictions.costs[list(exits)].sum() <= 6 * budget
    ]
    found = plan(first, predictions.costs, budget)
    assert predictions.costs[found].sum() <= 6 * budget
    assert right(found) == max(right(exits) for exits in affordable)


@pytest.mark.parametrize("num_envs", [3, FEW + 1])
@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_every_plan_comes_true(mode, num_envs):
    predictions = caches()[1]
    env = EarlyExitVectorEnv(
        num_envs, predictions=predictions, stream=50, budget=grid(predictions), autoreset_mode=mode
    )
    oracle = Budgeted()
    observation, _ = env.reset(seed=1)
    oracle.bind(env)
    forced = []
    for _ in range(400):
        observation, _, _, _, info = env.step(oracle.predict(observation)[0])
        done = info.get("final_info", info)
        forced += list(done["forced"][done["_forced"]]) if "forced" in done else []
    assert len(forced) >= 3
    assert not any(forced)


def test_first_correct_leaves_there_when_it_can():
    predictions = caches()[1]
    env = EarlyExitVectorEnv(
        4, predictions=predictions, stream=60, budget=int(predictions.costs[-1])
    )
    observation, _ = env.reset(seed=2)
    oracle = FirstCorrect()
    oracle.bind(env)
    for _ in range(50):
        action = oracle.predict(observation)[0]
        right, never = (
            predictions.correct[env.sample, env.exit],
            ~predictions.correct[env.sample].any(axis=1),
        )
        assert np.array_equal(action == 0, right | never)
        observation, *_ = env.step(action)


def test_oracles_must_be_bound():
    with pytest.raises(UserError, match="bind"):
        Budgeted().predict(np.zeros((1, 14), np.float32))
