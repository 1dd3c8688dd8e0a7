"""Every registered world refuses the same things, with the same errors."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import error
from gymnasium.envs.registration import load_env_creator
from gymnasium.spaces import Box, Discrete
from worlds import NATIVE, WORLDS, make

from leapbench.envs.refusals import reals, whole, wholes
from leapbench.errors import UserError
from leapbench.testing import small_spec
from leapbench.testing.rollout import freeze

pytestmark = pytest.mark.filterwarnings("ignore:.*render_mode:UserWarning")


def outside(space: Any) -> Iterator[tuple[Any, str]]:
    """What is no action of a space, and how the error tells what it was."""
    if isinstance(space, Discrete):
        yield from ((int(space.n), str(space.n)), (-1, "-1"), (0.5, "0.5"), (np.nan, "nan"))
        yield from ((None, "None"), ("left", "left"), (np.array([0, 1]), "shape (2,)"))
        return
    assert isinstance(space, Box)
    middle = np.zeros(space.shape, np.float32)
    for value, told in ((1.5, "1.5"), (-1.001, "-1.001"), (np.nan, "nan"), (-np.inf, "-inf")):
        action = middle.copy()
        action[-1] = value
        yield action, f"{told}"
    yield np.zeros(space.shape[0] + 1), f"shape ({space.shape[0] + 1},)"
    yield from ((None, "None"), ([[1], [1, 2]], "[[1], [1, 2]]"), (0.5, "0.5"))


@pytest.mark.parametrize("name", WORLDS)
def test_actions_outside_are_refused_with_value_and_bounds(name: str) -> None:
    """And the episode goes on as if they had not been."""
    disturbed, quiet = make(name), make(name)
    for env in (disturbed, quiet):
        env.reset(seed=3)
        env.action_space.seed(3)
    bounds = "from 0 to" if isinstance(quiet.action_space, Discrete) else "from -1 to 1"
    for action, told in outside(quiet.action_space):
        with pytest.raises(error.InvalidAction) as refused:
            disturbed.step(action)
        assert isinstance(refused.value, UserError)
        assert "\n" not in str(refused.value)
        assert bounds in str(refused.value)
        assert told in str(refused.value)
    action = quiet.action_space.sample()
    assert freeze(disturbed.step(action)) == freeze(quiet.step(action))


@pytest.mark.parametrize("name", NATIVE)
def test_vectors_refuse_as_their_singles_do(name: str) -> None:
    env = gym.make_vec(name, 3, "vector_entry_point", render_mode="rgb_array")
    with pytest.raises(error.ResetNeeded):
        env.render()
    env.reset(seed=0)
    good = env.action_space.sample()
    for action, told in outside(env.single_action_space):
        shape = np.shape(action) if not isinstance(action, list) else None
        if action is None or isinstance(action, str) or shape != env.single_action_space.shape:
            continue
        actions = np.stack([*good[:2], action])
        with pytest.raises(error.InvalidAction) as refused:
            env.step(actions)
        assert told in str(refused.value)
    with pytest.raises(UserError, match="no reset option 'level'"):
        env.reset(options={"level": 3})
    env.step(good)


@pytest.mark.parametrize("name", WORLDS)
def test_unknown_options_are_refused(name: str) -> None:
    env = make(name)
    with pytest.raises(UserError, match="There is no reset option 'level'"):
        env.reset(options={"level": 3})
    env.reset(seed=0, options={})
    env.reset(options=None)


@pytest.mark.parametrize("name", WORLDS)
def test_nothing_is_drawn_before_reset(name: str) -> None:
    env = make(name, render_mode="rgb_array")
    with pytest.raises(error.ResetNeeded, match="call `reset` first"):
        env.render()
    assert make(name).render() is None


@pytest.mark.parametrize("name", WORLDS)
def test_ways_of_drawing_that_do_not_exist_are_refused_at_make(name: str) -> None:
    spec, kind = small_spec(name), load_env_creator(str(gym.spec(name).entry_point))
    for mode in ("xyz", "ansi", "RGB_ARRAY", 3):
        with pytest.raises(error.UnsupportedMode, match="must be None or 'rgb_array'") as refused:
            kind(**spec.kwargs, render_mode=mode)
        assert isinstance(refused.value, UserError)
    with pytest.raises(error.UnsupportedMode):
        gym.make(spec, render_mode="xyz")


@pytest.mark.parametrize("name", NATIVE)
def test_vectors_refuse_ways_of_drawing_at_make(name: str) -> None:
    with pytest.raises(error.UnsupportedMode):
        gym.make_vec(name, 2, "vector_entry_point", render_mode="xyz")


def test_a_window_without_pygame_says_which_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygame", None)
    name = "leapbench/URLB-EntropyGrid-v0"
    with pytest.raises(UserError, match=r"pip install \"gymnasium\[classic-control\]\""):
        type(make(name))(render_mode="human")
    with pytest.raises(error.DependencyNotInstalled, match=r"gymnasium\[classic-control\]"):
        gym.make(name, render_mode="human").reset()


@pytest.mark.parametrize("action", [0, np.int8(1), np.array(2), np.uint64(3), True])
def test_whole_actions_of_any_kind_are_taken(action: Any) -> None:
    assert whole(action, 5) == int(action)


def test_many_actions_are_looked_at_too() -> None:
    """Beyond the number up to which they are looked at one by one."""
    many = np.zeros((100, 2))
    assert reals(many, (100, 2)) is many
    many[70, 1] = np.nan
    with pytest.raises(error.InvalidAction, match="got nan at index 70, 1"):
        reals(many, (100, 2))
    lots = np.zeros(100, int)
    assert wholes(lots, 100, 2) is lots
    lots[99] = 7
    with pytest.raises(error.InvalidAction, match="100 integers from 0 to 1, got 7 at index 99"):
        wholes(lots, 100, 2)


@pytest.mark.parametrize(
    ("action", "told"),
    [
        ([0.0, 1.0000002], "got 1.0000002 at index 1"),
        (["0", "1"], "got ['0', '1']"),
        ([0.0, 1j], "got [0.0, 1j]"),
        ({"x": 1}, "got {'x': 1}"),
        (np.zeros((2, 1)), "got float64 of shape (2, 1)"),
    ],
)
def test_strange_actions_are_told(action: Any, told: str) -> None:
    with pytest.raises(error.InvalidAction) as refused:
        reals(action, (2,))
    assert str(refused.value) == f"An action is 2 numbers from -1 to 1, {told}."
