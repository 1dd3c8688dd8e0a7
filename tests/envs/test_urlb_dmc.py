"""Walker, quadruped and jaco: rewards against the equations, and dm_control's own tasks."""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.seeding import np_random

from leapbench.envs.dm_control.adapter import DmControlEnv
from leapbench.envs.dm_control.backend import load
from leapbench.envs.urlb.dmc import jaco, quadruped, walker
from leapbench.envs.urlb.dmc.jaco import BRICKS, JacoEnv
from leapbench.envs.urlb.dmc.quadruped import QuadrupedEnv
from leapbench.envs.urlb.dmc.walker import WalkerEnv
from leapbench.errors import UserError

if find_spec("dm_control") is None:
    pytest.skip("dm_control is not installed", allow_module_level=True)

DOMAINS: dict[str, type[DmControlEnv]] = {
    "Walker": WalkerEnv,
    "Quadruped": QuadrupedEnv,
    "Jaco": JacoEnv,
}
TASKS = {"Walker": walker.TASKS, "Quadruped": quadruped.TASKS, "Jaco": BRICKS}
NAMED = [(domain, task) for domain, tasks in TASKS.items() for task in tasks]
SIXTY = np.deg2rad(60)


@cache
def world(domain: str) -> Any:
    """One environment a domain, for states that are set by hand."""
    env = DOMAINS[domain](task=next(iter(TASKS[domain])))
    env.reset(seed=0)
    return env


def place(physics: Any, position: Any, velocity: Any = 0.0) -> None:
    with physics.reset_context():
        physics.data.qpos[:] = position
        physics.data.qvel[:] = velocity


def lean(physics: Any, height: float, pitch: float, forward: float = 0.0) -> None:
    """The walker in one piece: height and velocity of the torso (m, m/s), pitch (rad)."""
    place(physics, [height - 1.3, 0, pitch, *[0] * 6], [0, forward, *[0] * 7])


@pytest.mark.parametrize(
    ("height", "pitch", "expected"),
    [
        (1.25, 0.0, 1.0),
        (1.25, np.pi, 0.75),  # tall and upside down
        (0.9, SIXTY, 0.6092559),  # (3 * 0.1^(1/4) + 0.75) / 4
        (0.6, np.pi / 2, 0.2),  # (3 * 0.1 + 0.5) / 4
        (0.0, np.pi, 0.000075),  # 3 * 0.1^4 / 4
    ],
)
def test_walker_stand(height: float, pitch: float, expected: float) -> None:
    physics = world("Walker").physics
    lean(physics, height, pitch)
    assert walker.TASKS["stand"](physics) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("task", "forward", "expected"),
    [
        ("walk", 1.0, 1.0),
        ("walk", 0.75, 0.7916667),  # (5 * 0.75 + 1) / 6
        ("walk", 0.0, 1 / 6),
        ("walk", 2.0, 1.0),
        ("run", 8.0, 1.0),
        ("run", 6.0, 0.7916667),
        ("run", 2.0, 0.375),  # (5 * 0.25 + 1) / 6
        ("run", -1.0, 1 / 6),
    ],
)
def test_walker_moves(task: str, forward: float, expected: float) -> None:
    physics = world("Walker").physics
    lean(physics, 1.25, 0.0, forward)
    assert walker.TASKS[task](physics) == pytest.approx(expected, rel=1e-6)
    lean(physics, 0.9, SIXTY, forward)
    assert walker.TASKS[task](physics) == pytest.approx(0.6092559 * expected, rel=1e-6)


def momentum(model: Any, data: Any, spin: float) -> float:
    """Of a body that turns as a whole about y: spin (sum of m r² + I), from its parts."""
    mass, at = model.body_mass[1:], data.xipos[1:][:, [0, 2]]
    arm = at - (mass[:, None] * at).sum(axis=0) / mass.sum()
    frames = data.ximat[1:].reshape(-1, 3, 3)
    own = (frames[:, 1] ** 2 * model.body_inertia[1:]).sum(axis=1)
    return float(spin * ((mass * (arm**2).sum(axis=1)).sum() + own.sum()))


@pytest.mark.parametrize(
    ("share", "expected"), [(2.0, 1.0), (1.0, 1.0), (0.5, 3.5 / 6), (0.1, 0.25), (-1.0, 1 / 6)]
)
def test_walker_flip(share: float, expected: float) -> None:
    """Turning about y leads the head forward, to x."""
    physics = world("Walker").physics
    lean(physics, 1.25, 0.0)
    spin = 5 * share / momentum(physics.model, physics.data, 1.0)
    place(physics, [-0.05, *[0] * 8], [0, 3, spin, *[0] * 6])
    assert walker.TASKS["flip"](physics) == pytest.approx(expected, rel=1e-6)


def tilt(physics: Any, angle: float, height: float = 1.0, forward: float = 0.0) -> None:
    """The quadruped, its legs as in the model, tilted about x (rad)."""
    root = [0, 0, height, np.cos(angle / 2), np.sin(angle / 2), 0, 0]
    place(physics, [*root, *physics.model.qpos0[7:]], [forward, *[0] * (physics.model.nv - 1)])


@pytest.mark.parametrize(
    ("task", "angle", "forward", "expected"),
    [
        ("stand", 0.0, 0.0, 1.0),
        ("stand", SIXTY, 0.0, 0.75),
        ("stand", np.pi, 0.0, 0.0),
        ("walk", 0.0, 0.0, 0.5),
        ("walk", 0.0, 0.6, 1.0),
        ("walk", SIXTY, 0.25, 0.5625),  # 0.75 * 0.75
        ("walk", 0.0, -0.5, 0.0),
        ("run", 0.0, 0.0, 0.5),
        ("run", 0.0, 5.0, 1.0),
        ("run", SIXTY, 2.5, 0.5625),
        ("run", 0.0, -5.0, 0.0),
    ],
)
def test_quadruped_stands_and_moves(
    task: str, angle: float, forward: float, expected: float
) -> None:
    physics = world("Quadruped").physics
    tilt(physics, angle, forward=forward)
    assert quadruped.TASKS[task](physics) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("angle", "height", "expected"),
    [(0.0, 1.2, 1.0), (0.0, 1.0, 1.0), (0.0, 0.6, 0.8), (SIXTY, 0.6, 0.6), (0.0, 0.0, 0.5)],
)
def test_quadruped_jumps(angle: float, height: float, expected: float) -> None:
    physics = world("Quadruped").physics
    tilt(physics, angle)
    mass = physics.model.body_mass[1:]
    centre = float((mass * physics.data.xipos[1:, 2]).sum() / mass.sum())
    tilt(physics, angle, height=1.0 + height - centre)
    assert quadruped.TASKS["jump"](physics) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("distance", "expected"),
    [(0.0, 1.0), (0.049, 1.0), (0.075, 0.5623413), (0.1, 0.1), (0.15, 1e-4)],
)
def test_jaco_reaches(distance: float, expected: float) -> None:
    """Any task: they differ in where the brick begins."""
    env = world("Jaco")
    physics = env.physics
    with physics.reset_context():
        physics.named.data.qpos["duplo2x4/"][:3] = 0, 0, 2
    hand = physics.named.data.site_xpos["jaco_arm/jaco_hand/pinchsite"].copy()
    with physics.reset_context():
        physics.named.data.qpos["duplo2x4/"][:3] = hand + distance * np.array([0.6, 0, 0.8])
    assert env.world.task.get_reward(physics) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("task", "place"), BRICKS.items())
def test_the_brick_lies_in_its_corner(task: str, place: tuple[float, ...]) -> None:
    env = JacoEnv(task)
    turns = set()
    for seed in range(3):
        observation, _ = env.reset(seed=seed)
        assert observation[52:54] == pytest.approx(place[:2], abs=5e-3)
        assert abs(observation[54]) < 0.02
        hand = observation[30:33]
        assert (np.abs(hand[:2]) < 0.101).all()
        assert 0.199 < hand[2] < 0.401
        turns.add(float(observation[48]))
    assert len(turns) == 3
    side = {"left": place[0] < 0, "right": place[0] > 0}[task.split("-")[-1]]
    end = {"top": place[1] > 0, "bottom": place[1] < 0}[task.split("-")[1]]
    assert side
    assert end


@pytest.mark.parametrize(
    ("domain", "task"),
    [
        ("Walker", "stand"),
        ("Walker", "walk"),
        ("Walker", "run"),
        ("Quadruped", "walk"),
        ("Quadruped", "run"),
    ],
)
def test_stock_tasks_are_dm_controls_own(domain: str, task: str) -> None:
    """The same seed gives the same states, observations and rewards, and an end in step."""
    env = DOMAINS[domain](task=task, dtype="float64")
    random = np.random.RandomState()
    stock = getattr(load(f"dm_control.suite.{domain.lower()}"), task)(random=random)
    for seed in range(3):
        random.seed(np_random(seed)[0].integers(2**32, size=4, dtype=np.uint32))
        first, observation = stock.reset(), env.reset(seed=seed)[0]
        spec, rng = stock.action_spec(), np.random.default_rng(seed)
        assert np.array_equal(observation, flat(first))
        for _ in range(100):
            action = rng.uniform(-1, 1, spec.shape)
            scaled = (spec.maximum - spec.minimum) / 2 * action
            theirs = stock.step(scaled + (spec.maximum + spec.minimum) / 2)
            ours = env.step(action)
            assert np.array_equal(ours[0], flat(theirs))
            assert ours[1] == pytest.approx(theirs.reward, rel=1e-12, abs=1e-15)


def flat(step: Any) -> np.ndarray:
    return np.concatenate([np.ravel(value) for value in step.observation.values()])


def test_jaco_rewards_are_dm_controls_own() -> None:
    env = JacoEnv("reach-top-right")
    task = env.world.task
    own = type(task).get_reward
    env.reset(seed=1)
    env.action_space.seed(0)
    for _ in range(30):
        reward = env.step(env.action_space.sample())[1]
        assert reward == pytest.approx(own(task, env.physics), rel=1e-9, abs=1e-300)


def camel(task: str) -> str:
    return "".join(word.title() for word in task.split("-"))


@pytest.mark.parametrize(("domain", "task"), NAMED)
def test_episodes_end_in_time_and_rewards_are_shares(domain: str, task: str) -> None:
    env = gym.make(f"leapbench/URLB-{domain}-{camel(task)}-v0")
    env.reset(seed=5)
    env.action_space.seed(0)
    horizon = {"Walker": 1000, "Quadruped": 1000, "Jaco": 250}[domain]
    for step in range(1, horizon + 1):
        _, reward, terminated, truncated, info = env.step(env.action_space.sample())
        assert 0 <= float(reward) <= 1
        assert (terminated, truncated, info) == (False, step == horizon, {})
    with pytest.raises(gym.error.ResetNeeded):
        env.step(env.action_space.sample())


@pytest.mark.parametrize(
    ("domain", "seconds"), [("Walker", 0.025), ("Quadruped", 0.02), ("Jaco", 0.04)]
)
def test_a_step_takes_its_time(domain: str, seconds: float) -> None:
    for frames in (1, 3):
        env = DOMAINS[domain](frames=frames)
        env.reset(seed=0)
        before = env.physics.time()
        env.step(env.action_space.sample())
        assert env.physics.time() - before == pytest.approx(frames * seconds)
        assert env.metadata["render_fps"] == round(1 / (frames * seconds))


@pytest.mark.parametrize(("domain", "task"), NAMED)
def test_a_domain_is_its_tasks_without_reward(domain: str, task: str) -> None:
    free = gym.make(f"leapbench/URLB-{domain}-v0", task=None)
    tasked = gym.make(f"leapbench/URLB-{domain}-{camel(task)}-v0")
    first, second = free.reset(seed=2)[0], tasked.reset(seed=2)[0]
    if domain == "Jaco" and task != jaco.UNTASKED:
        # Another corner is another world; the hand's start is the same.
        assert np.allclose(first[30:42], second[30:42])
        assert not np.allclose(first[52:54], second[52:54])
        return
    assert np.array_equal(first, second)
    free.action_space.seed(1)
    rewards = []
    for _ in range(60):
        action = free.action_space.sample()
        left, right = free.step(action), tasked.step(action)
        assert np.array_equal(left[0], right[0])
        assert left[1] == 0
        rewards.append(right[1])
    assert any(rewards)


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_seed_fixes_the_episode_whatever_went_before(domain: str) -> None:
    env, fresh = DOMAINS[domain](), DOMAINS[domain]()
    env.reset(seed=0)
    env.action_space.seed(3)
    for _ in range(7):
        env.step(env.action_space.sample())
    action = env.action_space.sample()
    starts = [each.reset(seed=9)[0] for each in (env, fresh)]
    assert np.array_equal(*starts)
    assert np.array_equal(env.step(action)[0], fresh.step(action)[0])
    followers = [each.reset()[0] for each in (env, fresh)]
    assert np.array_equal(*followers)
    assert not np.array_equal(starts[0], followers[0])


@pytest.mark.parametrize(
    ("domain", "size", "actions", "last"),
    [
        ("Walker", 24, 6, "velocity"),
        ("Quadruped", 78, 12, "force_torque"),
        ("Jaco", 55, 9, "duplo2x4/position"),
    ],
)
def test_shapes_and_rows_are_those_of_the_docstrings(
    domain: str, size: int, actions: int, last: str
) -> None:
    """Every row of the table of observations begins where the entry that it names does."""
    env = world(domain)
    assert env.observation_space.shape == (size,)
    assert env.action_space.shape == (actions,)
    rows = re.findall(r"\| (\d+)(?:-\d+)? +\| `([\w/]+)`", type(env).__doc__ or "")
    assert {name: env.entries[name].start for _, name in rows} == {
        name: int(start) for start, name in rows
    }
    assert rows[-1][1] == last
    assert env.entries[last].stop == size


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_task_that_does_not_exist_is_told(domain: str) -> None:
    with pytest.raises(UserError, match="There is no task 'fly'"):
        DOMAINS[domain](task="fly")
