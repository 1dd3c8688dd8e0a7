"""Sequences out of the replay, against a walk through the episodes."""

import numpy as np
import pytest

from leapbench.agents.common.replay import Replay
from leapbench.errors import UserError

N, K, GAMMA = 4, 3, 0.9


def walked(lengths, truncated):
    """Episodes of given lengths in a replay, and as lists."""
    rng = np.random.default_rng(1)
    replay = Replay((2, 2), 3, (), 200, pixels=True, discrete=True)
    episodes = []
    for length, cut in zip(lengths, truncated, strict=True):
        frames = rng.integers(1, 256, (length + 1, 2, 2), dtype=np.uint8)
        actions, rewards = rng.integers(0, 5, length), rng.normal(size=length).astype(np.float32)
        padded = np.concatenate([np.zeros((2, 2, 2), np.uint8), frames])
        first = replay.head
        for i in range(length):
            replay.add(padded[i : i + 3], int(actions[i]), float(rewards[i]))
        replay.finish(padded[length : length + 3], terminated=not cut)
        episodes.append((first, padded, actions, rewards, cut))
    return replay, episodes


def test_sequences_are_those_of_the_episodes():
    replay, episodes = walked([7, 2, 9, 30], [False, True, True, False])
    for first, padded, actions, rewards, cut in episodes[:3]:
        length = len(actions)
        rows = np.arange(first, first + length)
        found = replay.read(rows, K, N, GAMMA)
        for t in range(length):
            for k in range(K + 1):
                assert found.alive[t, k] == float(t + k < length - 1)
                if t + k >= length:
                    assert found.rows[t, k] == first + length - 1
                    continue
                seen = replay.observations(found.rows[t, k : k + 1])[0]
                np.testing.assert_array_equal(seen, padded[t + k : t + k + 3])
                assert found.actions[t, k] == actions[t + k]
                stop = min(t + k + N, length)
                earned = sum(GAMMA ** (i - t - k) * rewards[i] for i in range(t + k, stop))
                assert found.returns[t, k] == pytest.approx(earned, abs=1e-5)
                if stop == length and not cut:
                    assert found.discounts[t, k] == 0
                    continue
                assert found.discounts[t, k] == pytest.approx(GAMMA ** (stop - t - k), abs=1e-6)
                after = replay.observations(found.after[t, k : k + 1])[0]
                np.testing.assert_array_equal(after, padded[stop : stop + 3])


def test_stacks_may_begin_with_the_first_frame_repeated():
    replay = Replay((3, 2, 2), 2, (2,), 10, pixels=True, discrete=False)
    frame = np.arange(12, dtype=np.uint8).reshape(3, 2, 2) + 1
    replay.add(np.concatenate([frame, frame]), np.zeros(2, np.float32), 0.0)
    np.testing.assert_array_equal(
        replay.observations(np.array([1]))[0], np.concatenate([frame, frame])
    )
    other = Replay((2, 2), 2, (), 10, pixels=True, discrete=True)
    with pytest.raises(UserError, match="frames that differ"):
        other.add(np.arange(8, dtype=np.uint8).reshape(2, 2, 2) + 1, 0, 0.0)


def test_a_hundred_thousand_steps_take_less_than_800_megabytes():
    replay = Replay((84, 84), 4, (), 100_000, pixels=True, discrete=True)
    step = sum(
        each[0].nbytes
        for each in (replay.frames, replay.actions, replay.rewards, replay.kinds, replay.starts)
    )
    assert 100_000 * step < 0.8e9
