from __future__ import annotations

import numpy as np
import pytest
import torch
from exit_world import LEARNED_BY_ACTING, caches, grid, make, phase, play
from gymnasium.vector import AutoresetMode
from stable_baselines3.common.vec_env import VecEnv

from leapbench.agents.common.vecenv import VectorAdapter
from leapbench.envs.earlyexit.vector import EarlyExitVectorEnv
from leapbench.envs.exits.observation import ExitColumn
from leapbench.errors import BudgetExceeded, UserError

SMALL = {"envs": 16, "batch": 32, "hidden": 16}


@pytest.fixture(scope="module")
def pair():
    return caches()


def observations(count: int) -> np.ndarray:
    return np.random.default_rng(0).random((count, len(ExitColumn)), dtype=np.float32)


@pytest.mark.parametrize("name", LEARNED_BY_ACTING)
def test_learns_within_the_meter_and_the_same_each_time(name, pair, tmp_path):
    scores = []
    for seed in (1, 1, 2):
        opened, policy = phase(pair[0], limit=1000, seed=seed), make(name, **SMALL)
        state = torch.get_rng_state()
        policy.learn(opened)
        assert torch.equal(torch.get_rng_state(), state)
        assert 1000 - 16 * 8 < opened.meter.used <= 1000
        scores.append(policy.network(torch.from_numpy(observations(50))).detach().numpy())
    assert np.array_equal(scores[0], scores[1])
    assert not np.array_equal(scores[0], scores[2])
    policy.save(tmp_path)
    assert sorted(f.name for f in tmp_path.iterdir()) == ["policy.json", "policy.safetensors"]
    restored = make(name)
    restored.load(tmp_path)
    seen = observations(500)
    assert np.array_equal(restored.predict(seen)[0], policy.predict(seen)[0])


def test_ppo_learns_to_spend_a_budget(pair):
    calibration, test = pair
    policy = make("ppo")
    opened = phase(calibration, limit=30_000)
    policy.learn(opened)
    found = play(policy, test, episodes=1)
    first = test.correct[:, 0].mean()
    assert found["accuracy"].mean() > first + 0.1
    assert (found["spent"] <= found["budget"]).all()


@pytest.mark.parametrize("name", LEARNED_BY_ACTING)
def test_refuses_what_it_cannot_learn_from(name, pair):
    with pytest.raises(UserError, match="too few"):
        make(name).learn(phase(pair[0], limit=20))
    opened = phase(pair[0])
    opened.make_env = None
    with pytest.raises(UserError, match="no environment"):
        make(name).learn(opened)


def test_adapter_steps_the_same_world(pair):
    calibration = pair[0]

    def build():
        return EarlyExitVectorEnv(
            3,
            predictions=calibration,
            stream=5,
            budget=grid(calibration),
            autoreset_mode=AutoresetMode.SAME_STEP,
        )

    plain, adapter = build(), VectorAdapter(build())
    assert isinstance(adapter, VecEnv)
    adapter.seed(11)
    assert np.array_equal(adapter.reset(), plain.reset(seed=11)[0])
    rng, ends = np.random.default_rng(0), 0
    for _ in range(60):
        action = rng.integers(2, size=3)
        expected, got = plain.step(action), adapter.step(action)
        for a, b in zip(expected[:3], got[:3], strict=True):
            assert np.array_equal(a, b)
        assert got[3] == [{}, {}, {}]
        ends += int(got[2].sum())
    assert ends > 3
    assert adapter.get_attr("num_envs") == [3, 3, 3]
    assert adapter.env_is_wrapped(object, [0, 2]) == [False, False]


def test_adapter_stops_at_the_meter_and_needs_same_step(pair):
    opened = phase(pair[0], limit=7)
    adapter = VectorAdapter(opened.make_env(4))
    adapter.reset()
    adapter.step(np.zeros(4, np.int64))
    with pytest.raises(BudgetExceeded):
        adapter.step(np.zeros(4, np.int64))
    with pytest.raises(UserError, match="SameStep"):
        VectorAdapter(EarlyExitVectorEnv(2, predictions=pair[0]))
