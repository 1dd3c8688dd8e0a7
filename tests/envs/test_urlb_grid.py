"""The entropy grid: its transitions, goals and values against what can be worked out by hand."""

from __future__ import annotations

from itertools import pairwise

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as limited
from hypothesis import strategies as st

from leapbench.envs.urlb.grid.dynamics import TASKS, GridWorld, block
from leapbench.envs.urlb.grid.env import EntropyGridEnv
from leapbench.envs.urlb.grid.solve import ceiling, chance, optimal, transitions
from leapbench.envs.urlb.grid.vector import EntropyGridVectorEnv
from leapbench.errors import UserError

STAY, UP, RIGHT, DOWN, LEFT = range(5)
few = limited(max_examples=25, deadline=None)
worlds = st.builds(
    GridWorld.build,
    size=st.integers(9, 14),
    noise=st.floats(0, 1),
    horizon=st.integers(1, 40),
    task=st.sampled_from([None, *TASKS]),
)


def at(row: int, column: int, size: int = 13) -> int:
    return row * size + column


def test_moves_and_walls_of_a_still_world() -> None:
    env = EntropyGridEnv(size=13, noise=0.0, horizon=60)
    cell, _ = env.reset(seed=0)
    assert cell == at(6, 6)
    seen = [int(env.step(action)[0]) for action in (UP, RIGHT, DOWN, LEFT, STAY)]
    assert seen == [at(5, 6), at(5, 7), at(6, 7), at(6, 6), at(6, 6)]
    for _ in range(8):
        cell = env.step(UP)[0]
    assert cell == at(0, 6)


def test_probabilities_of_a_step_in_the_open() -> None:
    """From (3, 3) down to (4, 3), then with 0.6 a pair of moves: 16 equally likely."""
    found = transitions(GridWorld.build(13, 0.6, 60, None))[DOWN, at(3, 3)]
    pair = 0.6 / 16
    expected = {
        at(4, 3): 0.4 + 4 * pair,  # there and back, in four ways
        **{at(4 + 2 * i, 3 + 2 * j): pair for i, j in ((-1, 0), (1, 0), (0, -1), (0, 1))},
        **{at(4 + i, 3 + j): 2 * pair for i in (-1, 1) for j in (-1, 1)},
    }
    assert {int(c): float(found[c]) for c in np.flatnonzero(found)} == pytest.approx(expected)


def test_probabilities_in_a_corner_and_in_the_shelter() -> None:
    matrix = transitions(GridWorld.build(13, 0.6, 60, None))
    pair, corner = 0.6 / 16, at(0, 0)
    # Both moves blocked 2 x 2 ways; out and back 2 ways.
    assert matrix[UP, corner, corner] == pytest.approx(0.4 + 6 * pair)
    assert matrix[UP, corner, at(1, 1)] == pytest.approx(2 * pair)
    assert matrix[UP, corner, at(2, 0)] == pytest.approx(pair)
    # Blocked up or left and then down, or down and then blocked left.
    assert matrix[UP, corner, at(1, 0)] == pytest.approx(3 * pair)
    shelter = at(8, 8)
    assert matrix[STAY, shelter, shelter] == 1
    assert matrix[UP, shelter, at(7, 8)] == 1


@few
@given(worlds)
def test_probabilities_sum_to_one(world: GridWorld) -> None:
    matrix = transitions(world)
    assert np.allclose(matrix.sum(axis=2), 1)
    assert (matrix >= 0).all()


def test_sampled_steps_have_the_stated_probabilities() -> None:
    world = GridWorld.build(9, 0.6, 1, None)
    env = EntropyGridVectorEnv(8000, size=9, noise=0.6, horizon=1)
    env.reset(seed=3)
    cells = env.step(np.full(8000, RIGHT))[0]
    share = np.bincount(cells, minlength=81) / 8000
    # Four standard errors of the largest probability.
    assert np.abs(share - transitions(world)[RIGHT, world.start]).max() < 4 * (0.25 / 8000) ** 0.5


@pytest.mark.parametrize("size", [9, 13, 14, 19])
def test_goals_are_apart_and_have_four_cells(size: int) -> None:
    blocks = [set(block(size, task)) for task in TASKS]
    assert all(len(cells) == 4 for cells in blocks)
    assert len(set.union(*blocks)) == 16
    assert GridWorld.build(size, 0.0, 5, None).goal.sum() == 0
    start = GridWorld.build(size, 0.0, 5, None).start
    assert block(size, "shelter")[0] == start + 2 * size + 2


def test_reward_is_one_in_the_goal_and_nowhere_else() -> None:
    env = EntropyGridEnv(noise=0.0, task="shelter")
    env.reset(seed=0)
    rewards = [env.step(action)[1] for action in (RIGHT, RIGHT, DOWN, DOWN, STAY, UP, DOWN)]
    assert rewards == [0, 0, 0, 1, 1, 0, 1]


def test_the_time_limit_truncates() -> None:
    env = EntropyGridEnv(horizon=3)
    env.reset(seed=0)
    ends = [env.step(STAY)[2:4] for _ in range(3)]
    assert ends == [(False, False), (False, False), (False, True)]
    with pytest.raises(gym.error.ResetNeeded):
        env.step(STAY)


@few
@given(st.integers(0, 1000), st.sampled_from([0.0, 0.3, 0.6, 1.0]))
def test_single_and_vector_agree_without_autoreset(seed: int, noise: float) -> None:
    many = EntropyGridVectorEnv(
        2, size=11, noise=noise, horizon=20, task="shelter", autoreset_mode="Disabled"
    )
    ones = [EntropyGridEnv(size=11, noise=noise, horizon=20, task="shelter") for _ in range(2)]
    cells, _ = many.reset(seed=[seed, seed + 7])
    assert cells.tolist() == [ones[0].reset(seed=seed)[0], ones[1].reset(seed=seed + 7)[0]]
    rng = np.random.default_rng(seed)
    for _ in range(20):
        actions = rng.integers(5, size=2)
        cells, rewards, _, truncated, _ = many.step(actions)
        singles = [env.step(action) for env, action in zip(ones, actions, strict=True)]
        assert cells.tolist() == [single[0] for single in singles]
        assert rewards.tolist() == [single[1] for single in singles]
        assert truncated.tolist() == [single[3] for single in singles]
    frozen, rewards, _, truncated, _ = many.step(np.array([UP, UP]))
    assert frozen.tolist() == cells.tolist()
    assert rewards.tolist() == [0, 0]
    assert truncated.all()


@few
@given(st.integers(0, 2**31 - 1), st.floats(0, 1), st.floats(0, 1))
def test_gusts_of_less_noise_are_among_those_of_more(seed: int, a: float, b: float) -> None:
    low, high = (GridWorld.build(9, noise, 50, None) for noise in sorted((a, b)))
    fewer, more = (w.weather(np.random.default_rng(seed)) for w in (low, high))
    assert np.array_equal(fewer[fewer > 0], more[fewer > 0])


def test_values_that_can_be_counted() -> None:
    """The nearest goal cells are 10 and 4 moves away: 51 and 57 of 60 steps are inside."""
    assert ceiling(GridWorld.build(13, 0.0, 60, "corner-1")) == pytest.approx(51 / 60)
    assert ceiling(GridWorld.build(13, 0.0, 60, "shelter")) == pytest.approx(57 / 60)
    assert ceiling(GridWorld.build(13, 0.0, 9, "corner-1")) == 0
    assert chance(GridWorld.build(13, 0.0, 4, "shelter")) == pytest.approx(6 / 5**4 / 4)


def test_less_noise_and_more_knowledge_are_better() -> None:
    noises = [0.0, 0.3, 0.6, 0.9]
    best = [ceiling(GridWorld.build(9, noise, 30, "corner-2")) for noise in noises]
    assert all(more > less for more, less in pairwise(best))
    assert all(
        chance(GridWorld.build(9, n, 30, "corner-2")) < b for n, b in zip(noises, best, strict=True)
    )


def test_the_optimal_policy_earns_its_value() -> None:
    world = GridWorld.build(9, 0.6, 30, "corner-3")
    values, actions = optimal(world)
    env = EntropyGridVectorEnv(
        3000, size=9, noise=0.6, horizon=30, task="corner-3", autoreset_mode="Disabled"
    )
    cells, _ = env.reset(seed=0)
    total = np.zeros(3000)
    for time in range(30):
        cells, rewards, *_ = env.step(actions[time, cells])
        total += rewards
    error = total.std() / 3000**0.5
    assert abs(total.mean() - values[0, world.start]) < 4 * error


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"size": 8}, "size must be an integer from 9 to 99"),
        ({"size": 13.0}, "size must be an integer"),
        ({"noise": 1.1}, "noise must be a probability"),
        ({"noise": float("nan")}, "noise must be a probability"),
        ({"noise": "much"}, "noise must be a probability"),
        ({"horizon": 0}, "horizon must be an integer from 1"),
        ({"task": "corner-4"}, "Did you mean 'corner"),
    ],
)
def test_wrong_arguments_are_told(arguments: dict, said: str) -> None:
    for kind in (EntropyGridEnv, EntropyGridVectorEnv):
        with pytest.raises(UserError, match=said):
            kind(**arguments)


@pytest.mark.parametrize("action", [5, -1, 1.5, "up"])
def test_what_is_no_action_is_told(action: object) -> None:
    env = EntropyGridEnv()
    env.reset(seed=0)
    with pytest.raises(UserError, match="0 to 4"):
        env.step(action)  # type: ignore[arg-type]
    many = EntropyGridVectorEnv(1)
    many.reset(seed=0)
    with pytest.raises(UserError, match="0 to 4"):
        many.step(np.array([action]))


def test_wrong_seeds_and_masks_are_told() -> None:
    many = EntropyGridVectorEnv(2)
    with pytest.raises(gym.error.ResetNeeded):
        many.step(np.array([0, 0]))
    with pytest.raises(UserError, match="2 seeds"):
        many.reset(seed=[1])
    with pytest.raises(UserError, match="2 booleans"):
        many.reset(seed=1, options={"reset_mask": np.zeros(2, bool)})


def test_a_mask_resets_only_its_own() -> None:
    many = EntropyGridVectorEnv(2, noise=0.0, horizon=5)
    many.reset(seed=0)
    many.step(np.array([UP, UP]))
    cells, _ = many.reset(options={"reset_mask": np.array([True, False])})
    assert cells.tolist() == [at(6, 6), at(5, 6)]
    assert many.time.tolist() == [0, 1]


def test_pictures_show_agent_visits_and_goal() -> None:
    env = EntropyGridEnv(noise=0.0, task="corner-1", render_mode="rgb_array")
    env.reset(seed=0)
    first = env.render()
    env.step(UP)
    second = env.render()
    assert first is not None
    assert second is not None
    changed = np.argwhere((first != second).any(axis=2)[:, :380])
    # Cells (5, 6) and (6, 6) of a grid that begins 32 pixels in, 336 / 13 pixels a cell.
    cell = 336 / 13
    assert np.abs(changed.min(axis=0) - (32 + 5 * cell, 32 + 6 * cell)).max() < cell / 3
    assert np.abs(changed.max(axis=0) - (32 + 7 * cell, 32 + 7 * cell)).max() < cell / 3
    pictures = {
        EntropyGridEnv(noise=0.0, task=task, render_mode="rgb_array") for task in (None, *TASKS)
    }
    drawn = set()
    for other in pictures:
        other.reset(seed=0)
        drawn.add(other.render().tobytes())  # type: ignore[union-attr]
    assert len(drawn) == 5
