"""The domains through a camera: what pictures are stacked, and that the world is the same."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from leapbench.envs.urlb.dmc.pixels import DOMAINS, PixelEnv
from leapbench.envs.urlb.dmc.walker import WalkerEnv
from leapbench.errors import UserError

if find_spec("dm_control") is None:
    pytest.skip("dm_control is not installed", allow_module_level=True)


def opened(domain: str = "walker", **arguments: object) -> PixelEnv:
    """An environment that has been reset once, or a skip where nothing can draw."""
    env = PixelEnv(domain, **arguments)  # type: ignore[arg-type]
    try:
        env.reset(seed=5)
    except UserError as missing:
        pytest.skip(str(missing))
    return env


@pytest.mark.parametrize("domain", DOMAINS)
def test_observations_are_the_last_pictures(domain: str) -> None:
    env = opened(domain)
    seen, _ = env.reset(seed=5)
    assert env.observation_space.contains(seen)
    assert seen.shape == (9, 84, 84)
    assert (seen[:3] == seen[3:6]).all()
    assert seen.std() > 10
    rng = np.random.default_rng(0)
    for _ in range(4):
        following, *_ = env.step(rng.uniform(-1, 1, env.action_space.shape))
        assert (following[:6] == seen[3:]).all()
        seen = following
    assert (seen[6:] != seen[:3]).any()
    env.close()


def test_the_world_is_that_of_the_states() -> None:
    env, states = opened(task="walk"), WalkerEnv("walk", frames=2)
    env.reset(seed=7)
    states.reset(seed=7)
    rng = np.random.default_rng(1)
    for _ in range(20):
        action = rng.uniform(-1, 1, env.action_space.shape)
        assert env.step(action)[1:4] == states.step(action)[1:4]
    env.close()


def test_same_seed_same_bytes_and_size_and_stack_are_kept() -> None:
    env = opened(size=32, stack=2)
    first, _ = env.reset(seed=3)
    again, _ = env.reset(seed=3)
    assert first.tobytes() == again.tobytes()
    assert first.shape == (6, 32, 32)
    other, _ = env.reset(seed=4)
    assert first.tobytes() != other.tobytes()
    env.close()


def test_mistakes_are_named() -> None:
    with pytest.raises(UserError, match="quadruped"):
        PixelEnv("quadrupd")
    with pytest.raises(UserError, match="size must be an integer from 1 on, got 0"):
        PixelEnv("walker", size=0)
    with pytest.raises(UserError, match="task"):
        PixelEnv("walker", "fly")
