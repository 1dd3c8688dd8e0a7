"""The entropy point: its transitions, rewards and errors against what can be worked out by hand."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as limited
from hypothesis import strategies as st

from leapbench.envs.urlb.point.dynamics import GOALS, PointWorld, observed
from leapbench.envs.urlb.point.env import EntropyPointEnv
from leapbench.envs.urlb.point.vector import EntropyPointVectorEnv
from leapbench.errors import UserError

few = limited(max_examples=25, deadline=None)
axis = st.floats(-1, 1)
states = st.tuples(axis, axis, axis, axis).map(lambda values: np.array([values]))


def world(noise: float = 0.0, task: str | None = None) -> PointWorld:
    return PointWorld.build(noise, 50, task, 0.02, 0.15)


def test_a_push_by_hand() -> None:
    env = EntropyPointEnv(noise=0.0)
    start, _ = env.reset(seed=0)
    first = env.step(np.array([1.0, -0.5]))[0]
    second = env.step(np.array([0.0, 0.0]))[0]
    x, y = float(start[0]), float(start[1])
    assert first == pytest.approx([x + 0.02, y - 0.01, 0.1, -0.05], abs=1e-6)
    assert second == pytest.approx([x + 0.036, y - 0.018, 0.08, -0.04], abs=1e-6)


def test_pushing_on_reaches_the_speed_where_drag_and_push_are_equal() -> None:
    env = EntropyPointEnv(noise=0.0)
    env.reset(seed=0)
    for _ in range(8):
        env.step(np.array([0.0, 1.0]))
    speed = float(env.state[0, 3])
    # v_n = 0.02 (1 - 0.8^n) / (1 - 0.8)
    assert speed == pytest.approx(0.1 * (1 - 0.8**8))


@few
@given(states, st.tuples(axis, axis), st.tuples(axis, axis))
def test_a_step_is_the_written_rule(
    state: np.ndarray, action: tuple[float, float], kick: tuple[float, float]
) -> None:
    moved = world().step(state, np.array([action]), np.array([kick]))[0]
    calm = (state[0, 0] - 0.5) ** 2 + (state[0, 1] - 0.5) ** 2 <= 0.25**2
    for i in (0, 1):
        speed = 0.8 * state[0, 2 + i] + 0.02 * action[i] + (0 if calm else kick[i])
        speed = min(max(speed, -1), 1)
        place = state[0, i] + speed
        blocked = not -1 <= place <= 1
        assert moved[i] == pytest.approx(min(max(place, -1), 1))
        assert moved[2 + i] == pytest.approx(0 if blocked else speed)


def test_there_are_kicks_outside_the_disc_and_none_inside() -> None:
    loud = EntropyPointVectorEnv(4000, noise=0.03, horizon=1)
    loud.reset(seed=1)
    loud.step(np.zeros((4000, 2)))
    kicks = loud.state[:, 2:]
    assert kicks.mean(axis=0) == pytest.approx([0, 0], abs=4 * 0.03 / 4000**0.5)
    assert kicks.std(axis=0) == pytest.approx([0.03, 0.03], rel=0.06)
    inside = np.array([[0.5, 0.74, 0, 0], [0.5, 0.76, 0, 0]])
    moved = world(0.03).step(inside, np.zeros((2, 2)), np.full((2, 2), 0.01))
    assert moved[:, 2:].tolist() == [[0, 0], [0.01, 0.01]]


@pytest.mark.parametrize("task", GOALS)
def test_reward_is_one_in_the_goal_and_falls_as_a_bell(task: str) -> None:
    x, y = GOALS[task]
    places = np.array([[x, y], [x + 0.15, y], [x, y + 0.3]])
    states = np.concatenate([places, np.zeros((3, 2))], axis=1)
    expected = [1, np.exp(-0.5), np.exp(-2)]
    assert world(task=task).reward(states) == pytest.approx(expected)
    assert world().reward(states).tolist() == [0, 0, 0]


def test_the_time_limit_truncates() -> None:
    env = EntropyPointEnv(horizon=3)
    env.reset(seed=0)
    ends = [env.step(np.zeros(2))[2:4] for _ in range(3)]
    assert ends == [(False, False), (False, False), (False, True)]
    with pytest.raises(gym.error.ResetNeeded):
        env.step(np.zeros(2))


@few
@given(st.integers(0, 1000), st.sampled_from([0.0, 0.03, 0.3]))
def test_single_and_vector_agree_without_autoreset(seed: int, noise: float) -> None:
    arguments = {"noise": noise, "horizon": 20, "task": "calm"}
    many = EntropyPointVectorEnv(2, **arguments, autoreset_mode="Disabled")
    ones = [EntropyPointEnv(**arguments) for _ in range(2)]
    seen, _ = many.reset(seed=[seed, seed + 7])
    alone = [ones[0].reset(seed=seed)[0], ones[1].reset(seed=seed + 7)[0]]
    assert np.array_equal(seen, np.stack(alone))
    rng = np.random.default_rng(seed)
    for _ in range(20):
        actions = rng.uniform(-1, 1, (2, 2))
        seen, rewards, _, truncated, _ = many.step(actions)
        singles = [env.step(action) for env, action in zip(ones, actions, strict=True)]
        assert np.array_equal(seen, np.stack([single[0] for single in singles]))
        assert rewards.tolist() == [single[1] for single in singles]
        assert truncated.tolist() == [single[3] for single in singles]
    frozen, rewards, _, truncated, _ = many.step(np.ones((2, 2)))
    assert np.array_equal(frozen, seen)
    assert rewards.tolist() == [0, 0]
    assert truncated.all()


@few
@given(st.integers(0, 2**31 - 1), st.floats(0.001, 1), st.floats(0.001, 1))
def test_kicks_at_two_noises_are_the_same_to_scale(seed: int, a: float, b: float) -> None:
    one, two = (world(noise).begin(np.random.default_rng(seed)) for noise in (a, b))
    assert np.array_equal(one[0], two[0])
    assert one[1] / a == pytest.approx(two[1] / b)


@few
@given(states)
def test_observations_lie_in_their_space(state: np.ndarray) -> None:
    assert EntropyPointEnv().observation_space.contains(observed(state)[0])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"noise": -0.1}, "noise must be a number from 0 to 1"),
        ({"noise": float("nan")}, "noise must be a number"),
        ({"noise": True}, "noise must be a number"),
        ({"gain": 0}, "gain must be a number from 0.001 to 1"),
        ({"width": "wide"}, "width must be a number"),
        ({"horizon": 0}, "horizon must be an integer from 1"),
        ({"horizon": 2.0}, "horizon must be an integer"),
        ({"task": "top-lef"}, "Did you mean 'top-left'"),
    ],
)
def test_wrong_arguments_are_told(arguments: dict, said: str) -> None:
    for kind in (EntropyPointEnv, EntropyPointVectorEnv):
        with pytest.raises(UserError, match=said):
            kind(**arguments)


@pytest.mark.parametrize("action", [[0.0], [0.0, 1.1], [np.nan, 0.0], ["a", "b"], 3])
def test_what_is_no_action_is_told(action: object) -> None:
    env = EntropyPointEnv()
    env.reset(seed=0)
    with pytest.raises(UserError, match=r"[12] (x 2 )?numbers from -1 to 1, got"):
        env.step(np.array(action))
    many = EntropyPointVectorEnv(1)
    many.reset(seed=0)
    with pytest.raises(UserError, match=r"[12] (x 2 )?numbers from -1 to 1, got"):
        many.step(np.array([action]))


def test_wrong_seeds_and_masks_are_told() -> None:
    many = EntropyPointVectorEnv(2)
    with pytest.raises(gym.error.ResetNeeded):
        many.step(np.zeros((2, 2)))
    with pytest.raises(UserError, match="2 seeds"):
        many.reset(seed=[1])
    with pytest.raises(UserError, match="2 booleans"):
        many.reset(seed=1, options={"reset_mask": np.zeros(2, bool)})
    with pytest.raises(UserError, match="1 or more"):
        EntropyPointVectorEnv(0)


def test_a_mask_resets_only_its_own() -> None:
    many = EntropyPointVectorEnv(2, noise=0.0)
    many.reset(seed=0)
    moved = many.step(np.ones((2, 2)))[0]
    seen, _ = many.reset(options={"reset_mask": np.array([True, False])})
    assert np.array_equal(seen[1], moved[1])
    assert np.abs(seen[0, :2]).max() <= 0.1
    assert many.time.tolist() == [0, 1]


def test_pictures_show_the_point_and_the_goal() -> None:
    drawn = {}
    for task in (None, *GOALS):
        env = EntropyPointEnv(noise=0.0, task=task, render_mode="rgb_array")
        env.reset(seed=0)
        drawn[task] = env.render()
    assert len({picture.tobytes() for picture in drawn.values()}) == 5  # type: ignore[union-attr]
    # (-0.8, 0.8) is a tenth of the box from its left and from its top.
    at = (round(32 + 33.6), round(32 + 33.6))
    assert (drawn["top-left"][at] != drawn[None][at]).any()  # type: ignore[index]
    before = env.render()
    env.step(np.array([1.0, 0.0]))
    changed = np.argwhere((env.render() != before).any(axis=2)[:, :380])
    x, y = env.path[0]
    column, row = 32 + (x + 1) * 168, 32 + (1 - y) * 168
    assert np.abs(changed - (row, column)).max() < 16
