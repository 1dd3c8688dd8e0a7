from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st
from stable_baselines3.common.env_checker import check_env as check_env_of_sb3

from leapbench.envs.earlyexit.env import EarlyExitEnv
from leapbench.envs.exits.observation import ExitColumn
from leapbench.envs.exits.predictions import PredictionCache
from leapbench.errors import UserError

PREDICTIONS = PredictionCache.synthetic(300, exits=4, seed=7)
FIRST, FULL = int(PREDICTIONS.costs[0]), int(PREDICTIONS.costs[-1])
LENGTH = 60


def make(**arguments: object) -> EarlyExitEnv:
    return EarlyExitEnv(**{"predictions": PREDICTIONS, "stream": LENGTH, **arguments})  # type: ignore[arg-type]


def play(env: EarlyExitEnv, act: object, seed: int) -> tuple[dict, list, list]:
    """Final info, observations and rewards of one episode."""
    observation, info = env.reset(seed=seed)
    seen, rewards, ended = [observation], [], False
    while not ended:
        assert info == {}
        observation, reward, ended, truncated, info = env.step(act(seen))  # type: ignore[operator]
        assert not truncated
        seen.append(observation)
        rewards.append(reward)
    return info, seen, rewards


@pytest.mark.parametrize("render_mode", [None, "rgb_array"])
def test_gymnasium_and_sb3_accept_it_without_a_warning(render_mode: str | None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # The checkers cannot rebuild an environment that no id describes.
        warnings.filterwarnings("ignore", ".*spec.*")
        warnings.filterwarnings("ignore", ".*human.*")
        check_env(make(render_mode=render_mode), skip_render_check=render_mode is None)
        check_env_of_sb3(make(render_mode=render_mode))


@given(st.integers(1, 3 * FULL), st.integers(0, 10**6), st.floats(0, 1), st.integers(1, 80))
@settings(max_examples=60, deadline=None)
def test_no_policy_spends_more_than_the_budget(
    budget: int, seed: int, greed: float, stream: int
) -> None:
    budget = max(budget, -(-FIRST // stream))
    env, rng = make(budget=budget, stream=stream), np.random.default_rng(seed)
    info, seen, rewards = play(env, lambda _: int(rng.random() < greed), seed)
    assert info["spent"] <= info["budget"] == budget * stream
    assert info["spent"] == int(
        sum(count * cost for count, cost in zip(info["exits"], PREDICTIONS.costs, strict=True))
    )
    assert info["exits"].sum() + info["unanswered"] == stream
    assert info["accuracy"] == pytest.approx(sum(rewards) / stream)
    assert all(observation in env.observation_space for observation in seen)


def test_always_exit_answers_all_at_the_first_exit() -> None:
    info, seen, rewards = play(make(budget=FIRST), lambda _: 0, 1)
    assert len(rewards) == LENGTH
    assert info["exits"].tolist() == [LENGTH, 0, 0, 0]
    assert info["spent"] == info["budget"] == LENGTH * FIRST
    assert info["forced"] == info["unanswered"] == 0
    np.testing.assert_allclose(
        [o[ExitColumn.PROGRESS] for o in seen], np.arange(LENGTH + 1) / LENGTH, rtol=1e-6
    )


@pytest.mark.parametrize("share", [0.1, 0.3, 0.7, 1.0, 1.5])
def test_always_continue_is_the_greedy_closed_form(share: float) -> None:
    budget = max(FIRST, int(share * FULL))
    info, _, _ = play(make(budget=budget), lambda _: 1, 2)
    spare, exits, forced = LENGTH * (budget - FIRST), np.zeros(4, int), 0
    for _ in range(LENGTH):
        reached = int(np.searchsorted(PREDICTIONS.costs - FIRST, spare, side="right")) - 1
        spare -= int(PREDICTIONS.costs[reached]) - FIRST
        exits[reached] += 1
        forced += reached < 3
    np.testing.assert_array_equal(info["exits"], exits)
    assert info["forced"] == forced
    assert info["budget"] - info["spent"] == spare


@pytest.mark.parametrize("answerable", [1, 7, LENGTH - 1])
def test_a_budget_below_the_first_exit_leaves_samples_unanswered(answerable: int) -> None:
    budget = -(-answerable * FIRST // LENGTH)
    info, seen, rewards = play(make(budget=budget), lambda _: 1, 3)
    assert len(rewards) == answerable
    assert info["unanswered"] == LENGTH - answerable
    assert info["exits"].tolist() == [answerable, 0, 0, 0]
    assert info["accuracy"] == sum(rewards) / LENGTH
    assert seen[-1][ExitColumn.PROGRESS] == pytest.approx(answerable / LENGTH)


def test_labels_leave_no_trace_in_what_is_observed() -> None:
    flipped = PredictionCache(
        PREDICTIONS.probabilities, (PREDICTIONS.labels + 1) % PREDICTIONS.classes, PREDICTIONS.costs
    )
    traces, returns = [], []
    for predictions in (PREDICTIONS, flipped):
        rng = np.random.default_rng(0)
        _, seen, rewards = play(
            make(predictions=predictions), lambda _, rng=rng: int(rng.integers(2)), 4
        )
        traces.append(np.array(seen).tobytes())
        returns.append(sum(rewards))
    assert traces[0] == traces[1]
    assert returns[0] != returns[1]


def test_budget_columns_say_what_is_left() -> None:
    env = make(budget=(FIRST + FULL) // 3)
    observation, _ = env.reset(seed=5)
    for action in [1, 0, 0, 1, 1, 0, 1]:
        left = LENGTH - env.position
        assert observation[ExitColumn.BUDGET] == pytest.approx(env.budget / FULL)
        assert observation[ExitColumn.REMAINING] == pytest.approx(
            min(1, env.remaining / left / FULL), rel=1e-5
        )
        assert observation[ExitColumn.SPENT] == pytest.approx(PREDICTIONS.costs[env.exit] / FULL)
        assert observation[ExitColumn.TOP1] == PREDICTIONS.confidence[env.sample, env.exit]
        observation, *_ = env.step(action)


def test_a_seed_fixes_the_stream_under_every_budget() -> None:
    streams = []
    for budget in (FIRST, FULL):
        env = make()
        env.reset(seed=11, options={"budget": budget})
        assert env.budget == budget
        stream = []
        for _ in range(LENGTH):
            stream.append(env.sample)
            env.step(0)
        streams.append(stream)
    assert streams[0] == streams[1]
    assert len(set(streams[0])) == LENGTH


def test_budgets_are_drawn_from_those_given() -> None:
    env = make(budget=(FIRST, FULL))
    drawn = [(env.reset(), env.budget)[1] for _ in range(60)]
    assert set(drawn) == {FIRST, FULL}
    assert 10 < drawn.count(FIRST) < 50


TRACE = """
import hashlib, numpy as np
from leapbench.envs.exits.predictions import PredictionCache
from leapbench.envs.earlyexit.env import EarlyExitEnv
env = EarlyExitEnv(PredictionCache.synthetic(100, seed=1), stream=50)
rng, digest = np.random.default_rng(2), hashlib.sha256()
observation, _ = env.reset(seed=3)
for _ in range(300):
    digest.update(observation.tobytes())
    observation, reward, ended, _, _ = env.step(int(rng.integers(2)))
    digest.update(np.float64(reward).tobytes())
    if ended:
        observation, _ = env.reset()
print(digest.hexdigest())
"""


def test_a_seed_gives_the_same_bytes_in_a_fresh_process() -> None:
    runs = [
        subprocess.run([sys.executable, "-c", TRACE], capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert len(runs[0].stdout) == 65
    assert runs[0].stdout == runs[1].stdout


@pytest.mark.parametrize(
    "arguments",
    [
        {"budget": 0},
        {"budget": -5},
        {"budget": 2.5},
        {"budget": True},
        {"budget": ()},
        {"budget": (FIRST, 10**18)},
        {"stream": 0},
        {"stream": 2.5},
        {"predictions": None, "split": "train"},
        {"predictions": None, "data": "no-such-data"},
    ],
)
def test_wrong_arguments_are_told(arguments: dict[str, object]) -> None:
    with pytest.raises(UserError):
        make(**arguments)


def test_wrong_calls_are_told() -> None:
    env = make()
    with pytest.raises(ResetNeeded):
        env.step(0)
    with pytest.raises(UserError, match="Did you mean 'budget'"):
        env.reset(options={"budgets": FIRST})
    env.reset()
    with pytest.raises(UserError, match="from 0 to 1, got 2"):
        env.step(2)


def test_a_stream_is_no_longer_than_the_prediction_cache() -> None:
    info, _, rewards = play(make(stream=10**6), lambda _: 0, 0)
    assert len(rewards) == info["exits"].sum() == PREDICTIONS.samples
