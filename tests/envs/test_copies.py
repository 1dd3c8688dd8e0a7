"""Copies in other people's code: Stable-Baselines3's processes, planners, a renderer in use.

That copies are equal and independent is a rule of the conformance kit.
"""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.vec_env import SubprocVecEnv
from worlds import NATIVE, WORLDS, make

from leapbench.envs.earlyexit.env import EarlyExitEnv
from leapbench.envs.exits.predictions import PredictionCache
from leapbench.errors import UserError
from leapbench.testing import small_spec
from leapbench.testing.copies import WAYS
from leapbench.testing.rollout import freeze, rollout

DMC = [name for name in WORLDS if ".dm" in str(gym.spec(name).entry_point)]


def moved(env: Any, steps: int = 12) -> Any:
    env.reset(seed=4)
    env.action_space.seed(4)
    for _ in range(steps):
        env.step(env.action_space.sample())
    return env


@pytest.mark.parametrize(
    "name", ["URLB-Walker-v0", pytest.param("URLB-Jaco-v0", marks=pytest.mark.slow)]
)
def test_processes_of_stable_baselines3_take_an_instance(name: str) -> None:
    env, twin = make(f"leapbench/{name}"), make(f"leapbench/{name}")
    processes = SubprocVecEnv([lambda: env], start_method="spawn")
    try:
        processes.seed(9)
        seen = [processes.reset()[0]]
        env.action_space.seed(0)
        actions = [env.action_space.sample() for _ in range(6)]
        seen += [processes.step(np.array([action]))[0][0] for action in actions]
    finally:
        processes.close()
    expected = [twin.reset(seed=9)[0], *(twin.step(action)[0] for action in actions)]
    assert freeze(seen) == freeze(expected)


@pytest.mark.parametrize("name", DMC)
def test_what_a_user_did_to_the_simulation_is_copied(name: str) -> None:
    """State and model, though neither comes from actions; and accelerations, bit for bit."""
    env = moved(make(name))
    with env.physics.reset_context():
        env.physics.data.qvel[:] = 0.25
    env.physics.model.geom_friction[:] *= 0.5
    env.step(np.zeros(env.action_space.shape, np.float32))
    for duplicate in WAYS.values():
        other = duplicate(env)
        assert np.array_equal(other.physics.get_state(), env.physics.get_state())
        assert np.array_equal(other.physics.data.qacc, env.physics.data.qacc)
        assert np.array_equal(other.physics.model.geom_friction, env.physics.model.geom_friction)
        other.physics.model.geom_friction[:] = 0
        assert env.physics.model.geom_friction.any()


@pytest.mark.parametrize("name", [name for name in DMC if "Jaco" in name or "Cart" in name])
def test_a_planner_looks_ahead_from_where_it_is(name: str) -> None:
    """Three steps in a copy, then the same three in the world itself."""
    env = moved(make(name))
    for _ in range(3):
        ahead = copy.deepcopy(env)
        actions = [env.action_space.sample() for _ in range(3)]
        imagined = [freeze(ahead.step(action)) for action in actions]
        assert len(set(imagined)) == 3
        assert [freeze(env.step(action)) for action in actions] == imagined


def test_a_copy_of_a_copy_after_the_end_of_an_episode() -> None:
    env = moved(make("leapbench/URLB-EntropyGrid-v0"), 60)
    other = copy.deepcopy(copy.deepcopy(env))
    with pytest.raises(gym.error.ResetNeeded):
        other.step(0)
    assert freeze(other.reset()) == freeze(env.reset())


@pytest.mark.parametrize(
    "name", ["URLB-Reacher-v0", pytest.param("URLB-Jaco-v0", marks=pytest.mark.slow)]
)
def test_a_renderer_goes_on_after_its_copies_are_closed(name: str) -> None:
    env = moved(make(f"leapbench/{name}", render_mode="rgb_array"))
    try:
        before = env.render()
    except UserError as missing:
        pytest.skip(str(missing))
    for duplicate in (*WAYS.values(), copy.copy):
        other = duplicate(env)
        if duplicate is not copy.copy:
            assert np.array_equal(other.render(), before)
        other.close()
        assert np.array_equal(env.render(), before)


def test_pixels_are_copied_with_the_pictures_they_stack() -> None:
    pytest.importorskip("dm_control")
    from leapbench.envs.urlb.dmc.pixels import PixelEnv

    env = PixelEnv("walker", "walk", size=16)
    try:
        moved(env, 3)
    except UserError as missing:
        pytest.skip(str(missing))
    other = copy.deepcopy(env)
    action = env.action_space.sample()
    assert freeze(env.step(action)) == freeze(other.step(action))


def test_a_wrapped_environment_is_copied_whole() -> None:
    env = gym.make(small_spec("leapbench/URLB-Cartpole-v0")) if DMC else None
    if env is None:
        pytest.skip("dm_control is not installed")
    moved(env)
    other = copy.deepcopy(env)
    assert other.spec == env.spec
    assert rollout(other, 5, 20) == rollout(env, 5, 20)


@pytest.mark.parametrize("name", NATIVE)
@pytest.mark.parametrize("mode", ["NextStep", "SameStep", "Disabled"])
def test_native_vectors_are_copied_in_every_mode(name: str, mode: str) -> None:
    env = moved(gym.make_vec(name, 3, "vector_entry_point", autoreset_mode=mode))
    others = [duplicate(env) for duplicate in WAYS.values()]
    actions = [env.action_space.sample() for _ in range(8)]
    futures = {freeze([one.step(action) for action in actions]) for one in (*others, env)}
    assert len(futures) == 1


def test_the_state_of_a_world_goes_into_another_process(tmp_path: Path) -> None:
    """Nothing that needs a window system is loaded there."""
    pytest.importorskip("dm_control")
    env = moved(make("leapbench/URLB-Quadruped-v0"))
    path = tmp_path / "world"
    path.write_bytes(pickle.dumps(env))
    action = env.action_space.sample()
    code = (
        "import pickle, sys, numpy as np\n"
        "from leapbench.testing.rollout import freeze\n"
        f"env = pickle.loads(open({str(path)!r}, 'rb').read())\n"
        f"action = np.array({action.tolist()}, np.float32)\n"
        "print({'OpenGL', 'glfw', 'mujoco.egl'} & set(sys.modules), freeze(env.step(action)))"
    )
    command = [sys.executable, "-c", code]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said == f"set() {freeze(env.step(action))}\n"


def test_a_prediction_cache_stays_read_only_and_what_copies_share_cannot_be_written() -> None:
    env = EarlyExitEnv(PredictionCache.synthetic(30), stream=10)
    for duplicate in WAYS.values():
        predictions = duplicate(env).predictions
        assert np.array_equal(predictions.labels, env.predictions.labels)
        with pytest.raises(ValueError, match="read-only"):
            predictions.labels[0] = 1
        with pytest.raises(ValueError, match="read-only"):
            duplicate(env).world.observations[0] = 1
