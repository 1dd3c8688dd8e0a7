"""Noise on actions: how often, how large, drawn from the seed, and cut to the action space."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

from leapbench.envs.refusals import RefusedAction
from leapbench.envs.urlb.noisy.point import NoisyPointEnv
from leapbench.envs.urlb.point.env import EntropyPointEnv
from leapbench.errors import UserError

GAIN = 0.02


def pushes(env: NoisyPointEnv, action: float, seed: int = 0) -> np.ndarray:
    """What was done in each step along x, by the change of velocity, away from walls."""
    observation, _ = env.reset(seed=seed)
    found, over = [], False
    while not over:
        observation = observation.copy()
        env.state = np.zeros((1, 4))
        observation, _, _, over, _ = env.step(np.array([action, 0.0]))
        found.append(observation[0] / GAIN)
    return np.array(found)


@pytest.mark.parametrize(("reading", "deviation"), [("deviation", 0.2), ("variance", 0.2**0.5)])
def test_as_often_and_as_large_as_said(reading: str, deviation: float) -> None:
    done = pushes(NoisyPointEnv(reading=reading, horizon=20_000), 0.0)
    noise = done[np.abs(done) > 1e-6]
    assert len(noise) / len(done) == pytest.approx(0.3, abs=0.015)
    inside = noise[np.abs(noise) < 0.999]  # a normal distribution cut at its ends
    below = float((np.abs(inside) < deviation).sum() / len(noise))
    assert below == pytest.approx(0.683, abs=0.03)


def test_what_is_done_is_an_action() -> None:
    assert pushes(NoisyPointEnv(size=5.0, horizon=500), 1.0).max() <= 1 + 1e-6


def test_the_seed_fixes_the_noise() -> None:
    env = NoisyPointEnv(horizon=50)
    first, again, other = (pushes(env, 0.1, seed) for seed in (3, 3, 4))
    assert (first == again).all()
    assert (first != other).any()


def test_without_noise_it_is_the_world_itself() -> None:
    action = np.array([0.4, -0.9])
    ways = []
    for env in (NoisyPointEnv("calm", probability=0.0), EntropyPointEnv(0.0, task="calm")):
        env.reset(seed=1)
        ways.append(np.array([env.step(action)[0] for _ in range(200)]))
    assert (ways[0] == ways[1]).all()


def test_what_is_refused() -> None:
    with pytest.raises(UserError, match=r"probability must be a number from 0 to 1, got 2"):
        NoisyPointEnv(probability=2)
    with pytest.raises(UserError, match=r"size must be"):
        NoisyPointEnv(size=-1)
    with pytest.raises(UserError, match=r"reading"):
        NoisyPointEnv(reading="sd")
    env = NoisyPointEnv()
    env.reset(seed=0)
    with pytest.raises(RefusedAction):
        env.step(np.array([2.0, 0.0]))


def test_the_walker_loses_nothing_but_its_actions() -> None:
    pytest.importorskip("dm_control")
    clean = gym.make("leapbench/URLB-Walker-v0", task="run")
    calm = gym.make("leapbench/URLB-NoisyWalker-v0", task="run", probability=0.0)
    noisy = gym.make("leapbench/URLB-NoisyWalker-v0", task="run", probability=1.0)
    action, seen = np.full(6, 0.3), []
    for env in (clean, calm, noisy):
        env.reset(seed=5)
        seen.append(np.array([env.step(action)[0] for _ in range(5)]))
    assert (seen[0] == seen[1]).all()
    assert (seen[0] != seen[2]).any()
