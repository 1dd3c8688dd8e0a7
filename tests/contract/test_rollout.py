"""Episodes of one environment and of many: every action checked, oracles bound, ends kept."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, VectorEnv

from leapbench.contract.agent import Remote, is_privileged, observation_mode
from leapbench.contract.rollout import rollout
from leapbench.errors import InvalidAction


class Countdown(gym.Env[Any, Any]):
    """Ends after as many steps as its seed says; pays what was done."""

    observation_space = gym.spaces.Box(0, 9, (1,))
    action_space = gym.spaces.Discrete(3)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        self.left = seed or 0
        return np.array([self.left], np.float32), {}

    def step(self, action: Any) -> Any:
        assert type(action) is int
        self.left -= 1
        return (
            np.array([self.left], np.float32),
            float(action),
            self.left == 0,
            False,
            {"a": action},
        )


class Countdowns(VectorEnv[Any, Any, Any]):
    """Many of them, which go on below zero."""

    metadata = {"autoreset_mode": AutoresetMode.DISABLED}
    num_envs = 3
    single_action_space = Countdown.action_space

    def reset(self, *, seed: Any = None, options: Any = None) -> Any:
        self.left = np.array(seed)
        return self.left[:, None].astype(np.float32), {}

    def step(self, actions: Any) -> Any:
        self.left = self.left - 1
        cut = np.zeros(3, bool)
        return self.left[:, None].astype(np.float32), actions * 1.0, self.left == 0, cut, {}


class Policy:
    """Does one thing; counts its calls in its state, and notes the starts it is told."""

    def __init__(self, action: Any = 1) -> None:
        self.action, self.starts, self.states = action, [], []  # type: ignore[var-annotated]

    def predict(self, observation: Any, state: Any, start: Any, deterministic: bool) -> Any:
        self.starts.append(start.tolist())
        self.states.append((state, deterministic))
        return np.full(len(observation), self.action), (state or 0) + 1


class Oracle(Policy):
    privileged = True
    observation_mode = "all"
    bound: Any = None

    def bind(self, env: Any) -> None:
        self.bound = env


class Elsewhere:
    """A part in another process that would like to be an oracle."""

    privileged = True

    def invoke(self, name: str, *arguments: Any) -> Any:
        return None

    def value(self, name: str) -> Any:
        return {"observation_mode": "field"}.get(name)


def test_one_environment_is_a_batch_of_one() -> None:
    env, policy = Countdown(), Policy(2)
    steps = list(rollout(env, policy, env.reset(seed=3)[0]))  # type: ignore[arg-type]
    assert [step.observation.tolist() for step in steps] == [[[3.0]], [[2.0]], [[1.0]]]
    assert [step.following.tolist() for step in steps] == [[[2.0]], [[1.0]], [[0.0]]]
    assert [step.reward.tolist() for step in steps] == [[2.0]] * 3
    assert [step.ended.tolist() for step in steps] == [[False], [False], [True]]
    assert [step.info for step in steps] == [{"a": 2}] * 3
    assert policy.starts == [[True], [False], [False]]
    assert policy.states == [(None, True), (1, True), (2, True)]


def test_each_episode_of_a_vector_ends_once() -> None:
    env, policy = Countdowns(), Policy()
    start = env.reset(seed=[1, 3, 2])[0]
    steps = list(rollout(env, policy, start, deterministic=False))  # type: ignore[arg-type]
    assert [np.flatnonzero(step.ended).tolist() for step in steps] == [[0], [2], [1]]
    assert [step.live.sum() for step in steps] == [3, 2, 1]
    assert {deterministic for _, deterministic in policy.states} == {False}


@pytest.mark.parametrize("action", [3, -1, 0.5])
def test_actions_are_checked(action: Any) -> None:
    for env, seed in ((Countdown(), 2), (Countdowns(), [1, 1, 1])):
        with pytest.raises(InvalidAction):
            list(rollout(env, Policy(action), env.reset(seed=seed)[0]))  # type: ignore[arg-type]


def test_oracles_are_bound_and_nobody_in_another_process_is() -> None:
    env, oracle, remote = Countdown(), Oracle(), Elsewhere()
    list(rollout(env, oracle, env.reset(seed=1)[0]))  # type: ignore[arg-type]
    assert oracle.bound is env
    assert isinstance(remote, Remote)
    assert [is_privileged(each) for each in (oracle, Policy(), remote)] == [True, False, False]
    modes = [observation_mode(each) for each in (oracle, Policy(), remote)]
    assert modes == ["all", "", "field"]
