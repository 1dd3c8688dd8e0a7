"""Copies of Atari games, and games in lockstep, are equal to single ones."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import cloudpickle
import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from leapbench.envs.atari100k.env import Atari100kEnv
from leapbench.envs.atari100k.vector import Atari100kVectorEnv
from leapbench.errors import UserError

pytest.importorskip("ale_py")
pytest.importorskip("cv2")

WAYS: dict[str, Callable[[Any], Any]] = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda env: pickle.loads(pickle.dumps(env)),  # noqa: S301
    "cloudpickle": lambda env: pickle.loads(cloudpickle.dumps(env)),  # noqa: S301
}
# In Qbert and Amidar a state that ale-py restores goes on differently if nothing is done.
GAMES = ["Qbert", "Amidar", "Breakout"]
ALL = sorted(
    name.split("-")[1]
    for name in gym.registry
    if name.startswith("leapbench/Atari100k-") and name != "leapbench/Atari100k-v0"
)


def trace(env: Any, actions: list[int]) -> list[Any]:
    """What random actions lead to, episodes following each other."""
    found = []
    for action in actions:
        observation, *told = env.step(action)
        found.append((observation.tobytes(), *told, env.game.emulator.ale.getRAM().tobytes()))
        if told[1] or told[2]:
            found.append(env.reset()[0].tobytes())
    return found


def actions_of(env: Any, seed: int, count: int) -> list[int]:
    rng = np.random.default_rng(seed)
    return [int(action) for action in rng.integers(env.action_space.n, size=count)]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("game", GAMES)
def test_a_copy_goes_on_equally_and_by_itself(game: str, way: str) -> None:
    env = Atari100kEnv(game, training=True, sticky=0.1, render_mode="rgb_array")
    env.reset(seed=0)
    trace(env, actions_of(env, 1, 150))
    other = WAYS[way](env)
    np.testing.assert_array_equal(env.render(), other.render())
    next_ones = actions_of(env, 2, 120)
    expected = trace(env, next_ones)
    trace(env, actions_of(env, 3, 30))
    assert trace(other, next_ones) == expected


@pytest.mark.parametrize("way", WAYS)
def test_a_copy_before_the_first_reset(way: str) -> None:
    env = Atari100kEnv("Qbert")
    other = WAYS[way](env)
    assert env.reset(seed=4)[0].tobytes() == other.reset(seed=4)[0].tobytes()
    actions = actions_of(env, 0, 60)
    assert trace(env, actions) == trace(other, actions)


def test_a_copy_between_two_lives_goes_on_with_the_game() -> None:
    env = Atari100kEnv("Breakout", training=True)
    env.reset(seed=0)
    env.action_space.seed(0)
    while not env.step(env.action_space.sample())[2]:
        pass
    other = copy.deepcopy(env)
    assert env.reset()[0].tobytes() == other.reset()[0].tobytes()
    assert env.game.frame == other.game.frame > 31
    assert other.game.lives == 4


def test_a_copy_of_what_gymnasium_makes() -> None:
    env = gym.make("leapbench/Atari100k-Pong-v0")
    env.reset(seed=0)
    other = copy.deepcopy(env)
    assert env.step(2)[0].tobytes() == other.step(2)[0].tobytes()


def test_a_copy_of_games_in_lockstep() -> None:
    env = Atari100kVectorEnv(2, "Qbert")
    env.reset(seed=0)
    rng = np.random.default_rng(0)
    for _ in range(50):
        env.step(rng.integers(6, size=2))
    other = pickle.loads(pickle.dumps(env))  # noqa: S301
    for _ in range(30):
        actions = rng.integers(6, size=2)
        for ours, theirs in zip(env.step(actions)[:4], other.step(actions)[:4], strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
@pytest.mark.parametrize("game", ALL)
def test_copies_of_all_games_at_many_points(game: str) -> None:
    env = Atari100kEnv(game)
    env.reset(seed=0)
    for point in range(10):
        trace(env, actions_of(env, point, 97))
        other, actions = copy.deepcopy(env), actions_of(env, 100 + point, 60)
        assert trace(env, actions) == trace(other, actions)


def synchronous(count: int, mode: AutoresetMode, **kwargs: Any) -> SyncVectorEnv:
    return SyncVectorEnv([lambda: Atari100kEnv(**kwargs)] * count, autoreset_mode=mode)


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_lockstep_in_training_equals_single_games(mode: AutoresetMode) -> None:
    kwargs = {"game": "Breakout", "training": True, "sticky": 0.1}
    native = Atari100kVectorEnv(3, autoreset_mode=mode, **kwargs)
    single = synchronous(3, mode, **kwargs)
    np.testing.assert_array_equal(native.reset(seed=7)[0], single.reset(seed=7)[0])
    rng, ends = np.random.default_rng(0), 0
    for _ in range(250):
        actions = rng.integers(4, size=3)
        ours, theirs = native.step(actions), single.step(actions)
        for a, b in zip(ours[:4], theirs[:4], strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)
        assert set(ours[4]) == set(theirs[4])
        assert_same_infos(ours[4], theirs[4])
        ends += int(ours[2].sum())
    assert ends > 6


def assert_same_infos(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    for key, value in ours.items():
        if isinstance(value, dict):
            assert_same_infos(value, theirs[key])
        else:
            assert value.dtype == theirs[key].dtype
            for a, b in zip(value, theirs[key], strict=True):
                np.testing.assert_array_equal(a, b)


def test_without_autoreset_a_game_that_is_over_stays_over() -> None:
    env = Atari100kVectorEnv(2, "Freeway", limit=60, autoreset_mode="Disabled")
    env.reset(seed=[0, 3])
    frames = [game.frame for game in env.games]
    ends = []
    for _ in range(20):
        observations, rewards, terminated, truncated, infos = env.step(np.ones(2, np.int64))
        ends.append(truncated.tolist())
        assert not terminated.any()
    lengths = [20 - [row[lane] for row in ends].index(True) for lane in range(2)]
    assert min(lengths) > 1
    assert frames[0] != frames[1]
    assert not rewards.any()
    assert infos == {}
    mask = np.array([True, False])
    again, _ = env.reset(options={"reset_mask": mask})
    assert not again[0, :-1].any()
    np.testing.assert_array_equal(again[1], observations[1])
    assert env.step(np.ones(2, np.int64))[3].tolist() == [False, True]


def test_a_list_of_seeds_and_none_among_them() -> None:
    env = Atari100kVectorEnv(2, "Pong")
    first, _ = env.reset(seed=[3, None])
    second, _ = env.reset(seed=[3, 3])
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(second[0], second[1])


@pytest.mark.parametrize("actions", [[0], [0, 9], [0.0, 1.0], [-1, 0]])
def test_what_is_no_action_moves_no_game(actions: list[Any]) -> None:
    env = Atari100kVectorEnv(2, "Pong")
    env.reset(seed=0)
    frames = [game.frame for game in env.games]
    with pytest.raises(UserError, match="An action is 2 integers from 0 to 5"):
        env.step(np.array(actions))
    assert [game.frame for game in env.games] == frames
