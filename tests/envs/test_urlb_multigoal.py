"""Point mass, reacher and cartpole: rewards against the equations, and dm_control's own tasks."""

from __future__ import annotations

import re
from importlib.util import find_spec
from itertools import product
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.seeding import np_random

from leapbench.envs.dm_control.adapter import DmControlEnv
from leapbench.envs.dm_control.backend import load
from leapbench.envs.urlb.dmc import cartpole, point_mass, reacher
from leapbench.envs.urlb.dmc.cartpole import CartpoleEnv
from leapbench.envs.urlb.dmc.point_mass import PointMassEnv
from leapbench.envs.urlb.dmc.reacher import ReacherEnv
from leapbench.errors import UserError

if find_spec("dm_control") is None:
    pytest.skip("dm_control is not installed", allow_module_level=True)

DOMAINS: dict[str, type[DmControlEnv]] = {
    "PointMass": PointMassEnv,
    "Reacher": ReacherEnv,
    "Cartpole": CartpoleEnv,
}
TASKS: dict[str, Any] = {
    "PointMass": point_mass.GOALS,
    "Reacher": reacher.GOALS,
    "Cartpole": cartpole.TASKS,
}
NAMED = [(domain, task) for domain, tasks in TASKS.items() for task in tasks]


def camel(task: str) -> str:
    return "".join(word.title() for word in task.split("-"))


def placed(env: DmControlEnv, position: Any, velocity: Any = 0.0, control: Any = 0.0) -> float:
    """Reward of a state that is set by hand."""
    physics = env.physics
    with physics.reset_context():
        physics.data.qpos[:] = position
        physics.data.qvel[:] = velocity
    physics.data.ctrl[:] = control
    return float(env.world.task.get_reward(physics))


@pytest.mark.parametrize(
    ("away", "control", "expected"),
    [
        (0.0, (0, 0), 1.0),
        (0.029, (0, 0), 1.0),
        (0.045, (0, 0), 0.5623413),  # 0.1^(1/4)
        (0.06, (0, 0), 0.1),
        (0.0, (1, 1), 0.8),
        (0.0, (0.5, -1), 0.875),  # (4 + 0.375) / 5
        (0.06, (2, 0), 0.09),  # the second control alone is gentle
    ],
)
def test_a_point_mass_is_near(away: float, control: Any, expected: float) -> None:
    for name, (x, y) in {"top-left": (-0.2, 0.2), "bottom-right": (0.2, -0.2)}.items():
        at = [x + 0.6 * away, y - 0.8 * away]
        assert placed(PointMassEnv(name), at, 0, control) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("goal", "corner"), TASKS["Reacher"].items())
def test_an_arm_reaches(goal: str, corner: Any) -> None:
    """Bent so that its end is at a given distance from the shoulder, in the goal's direction."""
    env, links = ReacherEnv(goal), 0.12
    assert corner == pytest.approx((np.sign(corner[0]) * 0.12, np.sign(corner[1]) * 0.12))
    assert ("top" in goal, "right" in goal) == (corner[1] > 0, corner[0] > 0)
    way, whole = np.arctan2(corner[1], corner[0]), np.hypot(*corner)
    for gap, reward in ((0.0, 1.0), (0.0599, 1.0), (0.0601, 0.0), (-0.0599, 1.0), (-0.0601, 0.0)):
        half = np.arccos((whole + gap) / (2 * links))
        assert placed(env, [way + half, -2 * half]) == reward
    assert placed(env, [way + np.pi, 0]) == 0


@pytest.mark.parametrize(
    ("angle", "place", "spin", "control", "expected"),
    [
        (0.0, 0.0, 0.0, 0.0, 1.0),
        (np.pi / 2, 0.0, 0.0, 0.0, 0.5),
        (np.pi, 0.0, 0.0, 0.0, 0.0),
        (0.0, 0.0, 5.0, 0.0, 0.55),
        (0.0, 0.0, -5.0, 1.0, 0.44),
        (0.0, 1.0, 0.0, 0.0, 0.7811707),  # (1 + 0.1^(1/4)) / 2
        (np.pi / 2, -1.0, 0.0, 0.5, 0.3710561),  # 0.5 * 0.7811707 * 0.95
    ],
)
def test_a_pole_is_balanced(
    angle: float, place: float, spin: float, control: float, expected: float
) -> None:
    for task in ("balance", "swingup"):
        found = placed(CartpoleEnv(task), [place, angle], [0, spin], control)
        assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("spin", "right"), [(12.0, 1.0), (10.0, 1.0), (2.5, 0.25), (0.0, 0.0), (-10.0, 0.0)]
)
def test_a_pole_spins(spin: float, right: float) -> None:
    for angle in (0.0, 2.0):
        assert placed(CartpoleEnv("spin-right"), [0, angle], [0, spin]) == pytest.approx(right)
        assert placed(CartpoleEnv("spin-left"), [0, angle], [0, -spin]) == pytest.approx(right)


def test_to_the_right_the_pole_s_top_goes_to_positive_x() -> None:
    env = CartpoleEnv("spin-right")
    assert placed(env, [0, 0.1], [0, 1]) > 0
    assert env.physics.named.data.geom_xpos["pole_1", "x"] > 0


@pytest.mark.parametrize(("domain", "task"), NAMED)
def test_a_domain_is_its_tasks_without_reward_and_without_their_goal(
    domain: str, task: str
) -> None:
    free = gym.make(f"leapbench/URLB-{domain}-v0", task=None)
    tasked = gym.make(f"leapbench/URLB-{domain}-{camel(task)}-v0")
    first, second = free.reset(seed=2)[0], tasked.reset(seed=2)[0]
    if task == "balance":
        assert first[1] == pytest.approx(-1, abs=1e-2)
        assert second[1] == pytest.approx(1, abs=1e-2)
        return
    assert np.array_equal(first, second)
    free.action_space.seed(1)
    for _ in range(60):
        action = free.action_space.sample()
        left, right = free.step(action), tasked.step(action)
        assert np.array_equal(left[0], right[0])
        assert left[1] == 0


@pytest.mark.parametrize(("domain", "task"), NAMED)
def test_episodes_end_in_time_and_rewards_are_shares(domain: str, task: str) -> None:
    env = DOMAINS[domain](task)
    env.reset(seed=5)
    rng = np.random.default_rng(0)
    for step in range(1, 1001):
        _, reward, terminated, truncated, info = env.step(
            rng.uniform(-1, 1, env.action_space.shape)
        )
        assert 0 <= reward <= 1
        assert (terminated, truncated, info) == (False, step == 1000, {})


@pytest.mark.parametrize(
    ("domain", "stock", "task"),
    [("Cartpole", "balance", "balance"), ("Cartpole", "swingup", "swingup")],
)
def test_stock_tasks_are_dm_controls_own(domain: str, stock: str, task: str) -> None:
    """The same seed gives the same states, observations and rewards."""
    env = DOMAINS[domain](task, dtype="float64")
    random = np.random.RandomState()
    theirs = getattr(load(f"dm_control.suite.{domain.lower()}"), stock)(random=random)
    for seed in range(3):
        random.seed(np_random(seed)[0].integers(2**32, size=4, dtype=np.uint32))
        first, observation = theirs.reset(), env.reset(seed=seed)[0]
        assert np.array_equal(observation, flat(first))
        rng = np.random.default_rng(seed)
        for _ in range(100):
            action = rng.uniform(-1, 1, env.action_space.shape)
            expected, found = theirs.step(action), env.step(action)
            assert np.array_equal(found[0], flat(expected))
            assert found[1] == pytest.approx(expected.reward, rel=1e-12, abs=1e-15)


def flat(step: Any) -> np.ndarray:
    return np.concatenate([np.ravel(value) for value in step.observation.values()])


@pytest.mark.parametrize("domain", ["point_mass", "reacher"])
def test_rewards_with_the_suite_s_own_goal_are_its_own(domain: str) -> None:
    """Goal and radius of dm_control, in the equations of this project."""
    theirs = load(f"dm_control.suite.{domain}").easy(random=0)
    physics, rng, rewards = theirs.physics, np.random.default_rng(0), []
    for _ in range(200):
        theirs.reset()
        goal = reacher.Point(*physics.named.data.geom_xpos["target"][:2])
        body = "finger" if domain == "reacher" else "pointmass"
        with physics.reset_context():
            physics.data.qpos[:] = rng.uniform(-0.05, 0.05, 2) if body == "pointmass" else 0
        physics.data.ctrl[:] = rng.uniform(-1, 1, 2)
        if body == "finger":
            ours = reacher.reach(physics, goal)
        else:
            near = point_mass.within(point_mass.distance(physics, body, goal), 0.015, 0.015)
            ours = near * point_mass.gentle(physics.data.ctrl)
        rewards.append(ours)
        assert ours == pytest.approx(theirs.task.get_reward(physics), rel=1e-9, abs=1e-300)
    assert max(rewards) > 0.5


@pytest.mark.parametrize(
    ("domain", "size", "actions", "seconds"),
    [("PointMass", 4, 2, 0.02), ("Reacher", 4, 2, 0.02), ("Cartpole", 5, 1, 0.01)],
)
def test_shapes_rows_and_times_are_those_of_the_docstrings(
    domain: str, size: int, actions: int, seconds: float
) -> None:
    env = DOMAINS[domain]()
    env.reset(seed=0)
    assert env.observation_space.shape == (size,)
    assert env.action_space.shape == (actions,)
    rows = re.findall(r"\| (\d+)(?:-\d+)? +\| `(\w+)`", type(env).__doc__ or "")
    assert {name: place.start for name, place in env.entries.items()} == {
        name: int(start) for start, name in rows
    }
    before = env.physics.time()
    env.step(env.action_space.sample())
    assert env.physics.time() - before == pytest.approx(seconds)


@pytest.mark.parametrize("domain", ["PointMass", "Reacher"])
def test_the_target_is_drawn_at_the_goal_or_not_at_all(domain: str) -> None:
    for task, seed in product((*TASKS[domain], None), range(2)):
        env = DOMAINS[domain](task)
        env.reset(seed=seed)
        if task is None:
            assert env.physics.named.model.geom_rgba["target", 3] == 0
        else:
            at = env.physics.named.data.geom_xpos["target"][:2]
            assert at == pytest.approx(TASKS[domain][task])
            assert env.physics.named.model.geom_rgba["target", 3] > 0


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_task_that_does_not_exist_is_told(domain: str) -> None:
    with pytest.raises(UserError, match="There is no task 'fly'"):
        DOMAINS[domain](task="fly")
