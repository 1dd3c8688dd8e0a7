"""Whether copies of an environment are equal to it, and independent of it."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import cloudpickle
import gymnasium as gym
from gymnasium.envs.registration import EnvSpec

from leapbench.testing.rollout import freeze, make
from leapbench.testing.rules import require

STEPS = 7  # before a copy is made, and after
ENVS = 3
SEED = 11
WAYS: dict[str, Callable[[Any], Any]] = {
    "copy.deepcopy": copy.deepcopy,
    "pickle": lambda env: pickle.loads(pickle.dumps(env)),  # noqa: S301 - made here
    "cloudpickle": lambda env: cloudpickle.loads(cloudpickle.dumps(env)),
}


def copies(environment: str | EnvSpec) -> None:
    """Copies and pickles, at any time, have the same future and leave the original alone."""
    spec = environment if isinstance(environment, EnvSpec) else gym.spec(environment)
    for begun, when, env in _moments(spec):
        made = {name: _duplicated(env, name, when) for name in WAYS}
        # The original moves when two of its copies have moved, and before the last does.
        first, second, last = WAYS
        futures = {name: _future(made[name], begun) for name in (first, second)}
        own = _future(env, begun)
        futures[last] = _future(made[last], begun)
        for name, found in futures.items():
            require(found == own, "copies", f"{name} of it {when} has another future than it")
        if env.render_mode is not None:
            same = freeze(made[first].render()) == freeze(env.render())
            require(same, "copies", f"{first} of it {when} has another picture than it")
        for one in (env, *made.values()):
            one.close()


def _moments(spec: EnvSpec) -> Iterator[tuple[bool, str, Any]]:
    """Single and native vector environments at the times at which they are copied.

    Each with whether an episode has begun, and with the time in words.
    """
    yield False, "before reset", make(spec)
    yield True, "after reset", _moved(make(spec), 0)
    yield True, "in an episode", _drawn(spec) or _moved(make(spec), STEPS)
    if spec.vector_entry_point is not None:
        native = "vector_entry_point"
        yield False, "before reset, as a vector", gym.make_vec(spec, ENVS, native)
        yield True, "in an episode, as a vector", _moved(gym.make_vec(spec, ENVS, native), STEPS)


def _moved(env: Any, steps: int) -> Any:
    """The environment after a reset and some random steps."""
    env.reset(seed=SEED)
    env.action_space.seed(SEED)
    for _ in range(steps):
        _step(env)
    return env


def _drawn(spec: EnvSpec) -> Any:
    """An environment in an episode of which a picture was drawn; None where none can be."""
    if "rgb_array" not in make(spec).metadata.get("render_modes", ()):
        return None
    env = _moved(make(spec, render_mode="rgb_array"), STEPS)
    try:
        env.render()
    except Exception:  # no OpenGL, say, which is for the rule about pictures to tell
        return None
    return env


def _duplicated(env: Any, name: str, when: str) -> Any:
    try:
        return WAYS[name](env)
    except Exception as error:
        message = f"{type(error).__name__}: {error}"
        raise AssertionError(f"copies: {name} of it {when} raises {message}") from error


def _future(env: Any, begun: bool) -> list[str]:
    """What comes of random steps, then of a reset that goes on with the random numbers."""
    env.action_space.seed(SEED)
    found = [] if begun else [freeze(env.reset(seed=SEED))]
    found += [_step(env) for _ in range(STEPS)]
    return [*found, freeze(env.reset()), *(_step(env) for _ in range(STEPS))]


def _step(env: Any) -> str:
    """A random step, and a reset at the end of an episode."""
    returned = env.step(env.action_space.sample())
    found = freeze(returned)
    single = not isinstance(env, gym.vector.VectorEnv)
    if single and (returned[2] or returned[3]):
        found += freeze(env.reset())
    return found
