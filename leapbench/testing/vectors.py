"""Whether a native vector environment makes the same transitions as single ones."""

from __future__ import annotations

import inspect
from typing import Any

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec, load_env_creator
from gymnasium.vector import AutoresetMode, VectorEnv

from leapbench.testing.rollout import freeze
from leapbench.testing.rules import require

LANES = 3
STEPS = 60  # compared after the first end
LONGEST = 5_000

Vector = VectorEnv[Any, Any, Any]


def vector(environment: str | EnvSpec) -> None:
    """A native vector environment, if there is one, equals `SyncVectorEnv` of singles."""
    spec = environment if isinstance(environment, EnvSpec) else gym.spec(environment)
    if spec.vector_entry_point is None:
        return
    for mode in _modes(spec):
        native = gym.make_vec(
            spec, LANES, vectorization_mode="vector_entry_point", **_asked(spec, mode)
        )
        single = gym.make_vec(
            spec, LANES, vectorization_mode="sync", vector_kwargs={"autoreset_mode": mode}
        )
        direct = VectorEnv in type(native.unwrapped).__bases__
        require(direct, "vector", "it derives from VectorEnv at one remove; skrl looks no further")
        _compare(native, single, mode)


def _modes(spec: EnvSpec) -> list[AutoresetMode]:
    """Autoreset modes to compare: all that reset, where the native one lets us choose."""
    if _asked(spec, AutoresetMode.SAME_STEP):
        return [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP]
    env = gym.make_vec(spec, 1, vectorization_mode="vector_entry_point")
    return [AutoresetMode(env.metadata.get("autoreset_mode", AutoresetMode.NEXT_STEP))]


def _asked(spec: EnvSpec, mode: AutoresetMode) -> dict[str, Any]:
    """Keyword argument that asks the native environment for an autoreset mode."""
    entry: Any = spec.vector_entry_point
    creator = load_env_creator(entry) if isinstance(entry, str) else entry
    takes = "autoreset_mode" in inspect.signature(creator).parameters
    return {"autoreset_mode": mode} if takes else {}


def _compare(native: Vector, single: Vector, mode: AutoresetMode) -> None:
    """Same seeds and actions: every returned value must be the same, past one end."""
    spaces = (native.single_observation_space, native.single_action_space)
    same = spaces == (single.single_observation_space, single.single_action_space)
    require(same, "vector", "the native vector environment has other spaces")
    _equal(native.reset(seed=5), single.reset(seed=5), f"{mode.value}: reset")
    native.action_space.seed(0)
    ended = -1
    for step in range(LONGEST):
        actions = native.action_space.sample()
        ours, theirs = native.step(actions), single.step(actions)
        _equal(ours, theirs, f"{mode.value}: step {step + 1}")
        ended = step if ended < 0 and (ours[2].any() or ours[3].any()) else ended
        if 0 <= ended <= step - STEPS:
            break


def _equal(ours: tuple[Any, ...], theirs: tuple[Any, ...], when: str) -> None:
    middle = ("rewards", "terminations", "truncations") if len(ours) == 5 else ()
    for name, a, b in zip(("observations", *middle, "infos"), ours, theirs, strict=True):
        if freeze(a) != freeze(b):
            message = f"{when}: {name} differ from single environments: {a!r}, {b!r}"
            require(False, "vector", message)
