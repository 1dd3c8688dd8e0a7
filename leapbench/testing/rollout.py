"""Seeded random rollouts, looked at or reduced to a digest; a command for fresh processes.

`python -m leapbench.testing.rollout '<EnvSpec as JSON>' <seed> <steps>` prints
the digest of a rollout in an interpreter that has run nothing else.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec

STEPS = 200
"""Steps of a rollout that is compared byte for byte, at most."""
EPISODES = 12
"""Whole episodes after which it ends before that."""


def make(spec: EnvSpec, **kwargs: Any) -> gym.Env[Any, Any]:
    """The environment of `spec` without the wrappers that `gymnasium.make` adds."""
    return gym.make(spec, disable_env_checker=True, **kwargs).unwrapped


def play(
    env: gym.Env[Any, Any], steps: int, look: Callable[[Any], None], once: bool = False
) -> bool:
    """Take random actions, `look` at what each returns; whether an episode ended.

    Args:
        env: environment, already reset.
        steps: the most to take.
        look: called with the five values of each step.
        once: stop at the first end instead of resetting.
    """
    env.action_space.seed(0)
    ended = False
    for _ in range(steps):
        returned = env.step(env.action_space.sample())
        look(returned)
        if returned[2] or returned[3]:
            ended = True
            if once:
                break
            env.reset()
    return ended


def rollout(env: gym.Env[Any, Any], seed: int, steps: int = STEPS, render: bool = False) -> str:
    """Digest of everything that an environment returns to the same random actions.

    Later episodes are reset without a seed, so they test that the generator
    of the first seed goes on.

    Args:
        env: the environment; its action space is seeded here.
        seed: seed of the first reset.
        steps: number of steps, at most.
        render: also draw every step; pictures are not part of the digest.

    Returns:
        SHA-256 in hexadecimal over observations, rewards, ends and infos.
    """
    env.action_space.seed(0)
    parts = [freeze(env.reset(seed=seed))]
    episodes = 0
    for _ in range(steps):
        returned = env.step(env.action_space.sample())
        parts.append(freeze(returned))
        if render:
            env.render()
        if returned[2] or returned[3]:
            episodes += 1
            if episodes == EPISODES:
                break
            parts.append(freeze(env.reset()))
    return sha256("\n".join(parts).encode()).hexdigest()


def rollout_elsewhere(spec: EnvSpec, seed: int, steps: int = STEPS) -> str:
    """`rollout` in a fresh interpreter that sees the same modules.

    Raises:
        AssertionError: when that interpreter fails, with the last line it wrote.
    """
    path = os.pathsep.join(filter(None, sys.path))
    command = [sys.executable, "-m", __name__, spec.to_json(), str(seed), str(steps)]
    done = subprocess.run(  # noqa: S603 - our own module
        command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path}
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise AssertionError(f"determinism: a fresh process fails: {last}")
    return done.stdout.strip()


def freeze(value: Any) -> str:
    """Text that is the same for values that are equal bit for bit, and only then."""
    if isinstance(value, dict):
        pairs = (f"{key!r}:{freeze(value[key])}" for key in sorted(value, key=str))
        return f"{{{','.join(pairs)}}}"
    if isinstance(value, tuple | list):
        return f"({','.join(map(freeze, value))})"
    array = np.asarray(value)
    if array.dtype == object:
        return f"[{','.join(map(freeze, array.flat))}]" if array.ndim else repr(value)
    return f"{array.dtype}{array.shape}{array.tobytes().hex()}"


def arrays(value: Any) -> list[np.ndarray]:
    """The arrays of a nested observation; those of its scalars too."""
    if isinstance(value, dict):
        return [leaf for key in sorted(value) for leaf in arrays(value[key])]
    if isinstance(value, tuple):
        return [leaf for item in value for leaf in arrays(item)]
    return [np.asarray(value)]


if __name__ == "__main__":
    text, first, length = sys.argv[1:]
    print(rollout(make(EnvSpec.from_json(text)), int(first), int(length)))  # noqa: T201
