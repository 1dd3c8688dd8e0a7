"""Budgets cannot be exceeded, and what is counted is what was given out."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leapbench.contract.meter import Meter, MeteredEnv, MeteredStream, MeteredVectorEnv
from leapbench.contract.task import Budget
from leapbench.errors import BudgetExceeded


class Countdown(gym.Env[int, int]):
    """Ends after `length` steps, with a reward of 1 each."""

    observation_space = gym.spaces.Discrete(100)
    action_space = gym.spaces.Discrete(2)

    def __init__(self, length: int = 3) -> None:
        self.length, self.taken, self.left = length, 0, length

    def reset(self, *, seed=None, options=None):  # type: ignore[no-untyped-def]
        super().reset(seed=seed)
        self.left = self.length
        return self.left, {}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, object]]:
        self.taken, self.left = self.taken + 1, self.left - 1
        return self.left, 1.0, self.left == 0, False, {}


def meter(limit: int) -> Meter:
    return Meter(Budget(unit="steps", limit=limit))


@given(st.integers(1, 1000), st.lists(st.integers(0, 300)))
def test_a_meter_never_passes_its_limit(limit: int, amounts: list[int]) -> None:
    counter, granted = meter(limit), 0
    for amount in amounts:
        try:
            counter.spend(amount)
        except BudgetExceeded:
            assert granted + amount > limit
        else:
            granted += amount
        assert counter.used == granted <= limit
        assert counter.left == limit - granted


@given(st.integers(1, 100), st.integers(-100, -1))
def test_nothing_is_refunded(limit: int, amount: int) -> None:
    counter = meter(limit)
    counter.spend(limit)
    with pytest.raises(ValueError, match="refunded"):
        counter.spend(amount)
    assert counter.used == limit


def test_the_refusal_says_what_is_left() -> None:
    counter = meter(5)
    counter.spend(3)
    with pytest.raises(BudgetExceeded, match="4 more steps asked for, 2 of 5 left"):
        counter.spend(4)


@given(st.integers(1, 40), st.integers(1, 7))
def test_an_environment_takes_exactly_the_paid_steps(limit: int, length: int) -> None:
    inner = Countdown(length)
    env = MeteredEnv(inner, meter(limit))
    env.reset(seed=0)
    flags = []
    for _ in range(limit):
        *_, terminated, truncated, _ = env.step(0)
        flags.append((terminated, truncated))
        if terminated or truncated:
            env.reset()
    with pytest.raises(BudgetExceeded):
        env.step(0)
    assert inner.taken == limit
    assert any(flags[-1])
    assert not any(all(pair) for pair in flags)
    assert sum(env.returns) == limit
    assert env.episodes == len(env.returns) == -(-limit // length)


def test_only_the_last_paid_step_is_truncated() -> None:
    env = MeteredEnv(Countdown(10), meter(4))
    env.reset()
    assert [env.step(0)[2:4] for _ in range(4)] == [(False, False)] * 3 + [(False, True)]


@given(st.integers(1, 60), st.integers(1, 5))
def test_a_vector_environment_pays_for_every_sub_environment(limit: int, num_envs: int) -> None:
    vector = gym.vector.SyncVectorEnv([Countdown] * num_envs, autoreset_mode="SameStep")
    env = MeteredVectorEnv(vector, meter(limit))
    env.reset(seed=0)
    for _ in range(limit // num_envs):
        env.step(np.zeros(num_envs, np.int64))
    with pytest.raises(BudgetExceeded):
        env.step(np.zeros(num_envs, np.int64))
    assert env.meter.used == limit // num_envs * num_envs
    assert sum(inner.taken for inner in vector.envs) == env.meter.used  # type: ignore[attr-defined]


def labelled(size: int, limit: int) -> MeteredStream:
    labels = np.arange(size)
    return MeteredStream(labels.reshape(-1, 1, 1, 1).astype(np.float32), labels, meter(limit))


@given(st.integers(1, 50), st.integers(1, 20), st.integers(0, 2**31 - 1))
def test_an_epoch_gives_whole_batches_without_repeats(size: int, batch: int, seed: int) -> None:
    stream = labelled(size, size)
    given_out = list(stream.epoch(batch, np.random.default_rng(seed)))
    labels = np.concatenate([y for _, y in given_out] or [np.array([], int)])
    assert all(len(y) == batch for _, y in given_out)
    assert len(given_out) == size // batch
    assert len(set(labels.tolist())) == len(labels) == stream.meter.used
    assert all((x[:, 0, 0, 0] == y).all() for x, y in given_out)


@given(st.integers(2, 40), st.integers(1, 10), st.integers(1, 200))
def test_a_stream_stops_at_the_last_paid_batch(size: int, batch: int, limit: int) -> None:
    batch = min(batch, size)
    stream, rng, batches = labelled(size, limit), np.random.default_rng(0), 0
    with pytest.raises(BudgetExceeded):  # noqa: PT012 - the loop is what must end so
        while True:
            for _ in stream.epoch(batch, rng):
                batches += 1
    assert stream.meter.used == batches * batch
    assert limit - batch < stream.meter.used <= limit


@given(st.integers(1, 30), st.integers(1, 300))
def test_passes_can_all_be_paid(size: int, limit: int) -> None:
    stream, rng = labelled(size, limit), np.random.default_rng(0)
    passes = stream.passes
    for _ in range(passes):
        list(stream.epoch(1, rng))
    assert stream.passes == 0
    assert stream.meter.used == passes * size


def test_an_order_is_decided_by_the_generator() -> None:
    orders = [
        [y.tolist() for _, y in labelled(20, 20).epoch(5, np.random.default_rng(seed))]
        for seed in (1, 1, 2)
    ]
    assert orders[0] == orders[1] != orders[2]
