"""Every registered id is made without arguments, pays, and says how long its episodes are."""

from __future__ import annotations

import gymnasium as gym
import pytest
from worlds import IDS, WORLDS, make

from leapbench.errors import UserError
from leapbench.testing import small_spec

STEPS = 3000


@pytest.mark.parametrize("name", IDS)
def test_every_id_is_made_without_arguments(name: str) -> None:
    try:
        env = gym.make(name)
    except UserError as missing:
        assert "dm_control" in str(missing)  # noqa: PT017
        pytest.skip(str(missing))
    assert env.unwrapped.spec is not None
    env.close()


@pytest.mark.parametrize("name", WORLDS)
def test_every_world_pays_random_actions_something(name: str) -> None:
    still = small_spec(name).kwargs.get("updates") == 0  # a network that the other rules keep
    env = make(name, **({"updates": 1} if still else {}))
    env.reset(seed=0)
    env.action_space.seed(0)
    for _ in range(STEPS):
        _, reward, terminated, truncated, _ = env.step(env.action_space.sample())
        if reward:
            return
        if terminated or truncated:
            env.reset()
    raise AssertionError(f"no reward in {STEPS} steps")


@pytest.mark.parametrize("kind", ["EntropyGrid", "EntropyPoint", "Walker", "Reacher"])
def test_without_a_task_nothing_is_paid(kind: str) -> None:
    env = make(f"leapbench/URLB-{kind}-v0", task=None)
    env.reset(seed=0)
    env.action_space.seed(0)
    assert not any(env.step(env.action_space.sample())[1] for _ in range(60))


@pytest.mark.parametrize(
    ("name", "arguments", "steps"),
    [
        ("URLB-EntropyGrid-v0", {}, 60),
        ("URLB-EntropyGrid-v0", {"horizon": 75}, 75),
        ("URLB-EntropyPoint-v0", {"horizon": 30}, 30),
        ("URLB-Jaco-ReachTopLeft-v0", {}, 250),
        ("URLB-Reacher-v0", {}, 1000),
    ],
)
def test_the_length_of_episodes_is_told_and_kept(name: str, arguments: dict, steps: int) -> None:
    try:
        env = gym.make(f"leapbench/{name}", disable_env_checker=True, **arguments)
    except UserError as missing:
        pytest.skip(str(missing))
    assert env.spec is not None
    assert env.spec.max_episode_steps == steps
    env.reset(seed=0)
    ends = [env.step(env.action_space.sample())[2:4] for _ in range(steps)]
    assert ends == [(False, False)] * (steps - 1) + [(False, True)]
    again = gym.make(env.spec)
    assert again.spec is not None
    assert again.spec.max_episode_steps == steps


def test_repeated_actions_shorten_what_is_told() -> None:
    assert make("leapbench/URLB-Walker-v0", frames=3).spec.max_episode_steps == 334
    native = gym.make_vec("leapbench/URLB-EntropyGrid-v0", 2, "vector_entry_point", horizon=9)
    assert native.spec is not None
    assert native.spec.max_episode_steps == 9
    pixels = gym.spec("leapbench/URLB-Walker-Run-v0")
    assert pixels.max_episode_steps == 1000
