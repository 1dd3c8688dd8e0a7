"""dm_control's tasks with action repeat, against dm_control itself."""

from __future__ import annotations

import copy
import logging
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from leapbench.envs.dm_control.backend import load
from leapbench.envs.dmc.env import REPEATS, DMCEnv
from leapbench.envs.dmc.pixels import DMCPixelsEnv
from leapbench.errors import UserError

pytest.importorskip("dm_control")

IDS = {
    ("finger", "spin"): "Finger-Spin",
    ("cartpole", "swingup"): "Cartpole-Swingup",
    ("reacher", "easy"): "Reacher-Easy",
    ("cheetah", "run"): "Cheetah-Run",
    ("walker", "walk"): "Walker-Walk",
    ("ball_in_cup", "catch"): "BallInCup-Catch",
}
SIZES = {
    ("finger", "spin"): (9, 2),
    ("cartpole", "swingup"): (5, 1),
    ("reacher", "easy"): (6, 2),
    ("cheetah", "run"): (17, 6),
    ("walker", "walk"): (24, 6),
    ("ball_in_cup", "catch"): (8, 2),
}


@pytest.mark.parametrize("which", IDS, ids=lambda which: which[0])
def test_rewards_and_observations_are_dm_controls(which: tuple[str, str]) -> None:
    """The same state and actions: dm_control's own rewards, added up over an action's frames."""
    env = DMCEnv(*which, dtype="float64")
    observation, _ = env.reset(seed=3)
    world = load("dm_control.suite").load(*which, task_kwargs={"random": 0})
    world.reset()
    with world.physics.reset_context():
        world.physics.set_state(env.physics.get_state())
        if which[0] in ("reacher", "finger"):  # where the target is
            world.physics.model.geom_pos[:] = env.physics.model.geom_pos
            world.physics.model.site_pos[:] = env.physics.model.site_pos
    rng = np.random.default_rng(0)
    for _ in range(20):
        action = rng.uniform(-1, 1, env.action_space.shape)
        steps = [world.step(action) for _ in range(REPEATS[which])]
        observation, reward, terminated, truncated, _ = env.step(action)
        assert reward == pytest.approx(sum(step.reward for step in steps), abs=1e-9)
        flat = np.concatenate([np.ravel(value) for value in steps[-1].observation.values()])
        np.testing.assert_allclose(observation, flat, atol=1e-9)
        assert not terminated
        assert not truncated


@pytest.mark.parametrize("which", IDS, ids=lambda which: which[0])
def test_the_ids_have_the_literatures_action_repeat_and_truncate(which: tuple[str, str]) -> None:
    env = gym.make(f"leapbench/DMC-{IDS[which]}-v0")
    steps = 1000 // REPEATS[which]
    assert env.spec.max_episode_steps == steps
    assert (env.observation_space.shape[0], env.action_space.shape[0]) == SIZES[which]
    assert gym.spec(f"leapbench/DMC-{IDS[which]}-Pixels-v0").max_episode_steps == steps
    env.reset(seed=0)
    action = np.zeros(env.action_space.shape, np.float32)
    inner = env.unwrapped
    for step in range(1, steps + 1):
        _, _, terminated, truncated, _ = inner.step(action)
        assert not terminated
        assert truncated == (step == steps)


def test_the_return_of_an_episode_is_at_most_1000() -> None:
    env = DMCEnv("cartpole", "balance", frames=8)
    env.reset(seed=0)
    rewards = [env.step(np.zeros(1))[1] for _ in range(125)]
    assert 8 >= max(rewards) > 7
    assert sum(rewards) <= 1000


def test_any_other_task_of_the_suite() -> None:
    env = gym.make("leapbench/DMC-v0", domain="hopper", task="stand")
    assert env.unwrapped.frames == 2
    observation, _ = env.reset(seed=0)
    assert observation.shape == (15,)
    assert gym.make("leapbench/DMC-v0").unwrapped.frames == 8
    assert DMCEnv("cheetah", "run", frames=1).frames == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"domain": "cheeta", "task": "run"}, "Did you mean 'cheetah'"),
        ({"domain": "cheetah", "task": "fly"}, "task of cheetah 'fly'"),
        ({"frames": 0}, "frames must be an integer from 1 on"),
    ],
)
def test_wrong_arguments_are_told(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        DMCEnv(**arguments)


def test_a_model_is_made_without_mujocos_remarks(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        DMCEnv("cheetah", "run")
    assert caplog.records == []


@pytest.fixture(scope="module")
def seen() -> DMCPixelsEnv:
    env = DMCPixelsEnv(render_mode="rgb_array")
    try:
        env.reset(seed=0)
    except UserError as missing:  # OpenGL
        pytest.skip(str(missing))
    return env


@pytest.mark.parametrize("which", IDS, ids=lambda which: which[0])
def test_all_six_are_seen(which: tuple[str, str], seen: DMCPixelsEnv) -> None:
    env = gym.make(f"leapbench/DMC-{IDS[which]}-Pixels-v0")
    observation, _ = env.reset(seed=0)
    assert observation in env.observation_space
    assert len(np.unique(observation)) > 20
    env.close()


def test_pictures_are_stacked_the_oldest_first(seen: DMCPixelsEnv) -> None:
    first, _ = seen.reset(seed=0)
    assert first.shape == (9, 84, 84)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first[:3], first[6:])
    second = seen.step(np.ones(1))[0]
    np.testing.assert_array_equal(second[:6], first[3:])
    assert (second[6:] != first[6:]).any()


def test_pixels_are_of_the_same_episode_as_states(seen: DMCPixelsEnv) -> None:
    states = DMCEnv()
    seen.reset(seed=5)
    states.reset(seed=5)
    for _ in range(5):
        assert seen.step(np.ones(1))[1] == states.step(np.ones(1))[1]


def test_a_copy_sees_the_same(seen: DMCPixelsEnv) -> None:
    seen.step(np.ones(1))
    other = copy.deepcopy(seen)
    np.testing.assert_array_equal(seen.render(), other.render())
    np.testing.assert_array_equal(seen.step(np.ones(1))[0], other.step(np.ones(1))[0])


def test_the_picture_tells_what_is_earned(seen: DMCPixelsEnv) -> None:
    before = seen.render()
    assert before.shape == (400, 640, 3)
    for _ in range(20):
        seen.step(np.ones(1))
    after = seen.render()
    for place in (slice(60, 100), slice(110, 150), slice(280, 400)):  # reward, return, what is seen
        assert (before[place, 360:] != after[place, 360:]).any()
