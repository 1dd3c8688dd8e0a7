"""Transitions of one game, played again by the actions in its file and seen by its encoder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from leapbench.tasks import frozen_arrays
from leapbench.tasks.atari100k.frozen.networks import Frozen
from leapbench.tasks.imagination import Floats, Ints

COMMAND = "python -m leapbench.studies.atari100k.frozen"
STRIDES, LIMIT = (5, 5), 10.0
"""Of the encoder "data-efficient" and of the head, with which files are made."""


@dataclass(frozen=True)
class Transitions:
    """Steps in the order in which they were taken; their number is N.

    Attributes:
        latents: float32 (N, channels, height, width), by the frozen encoder.
        actions: int64 (N,), what was done there.
        rewards: float32 (N,), the sign of what it gave.
        ends: bool (N,), whether a life was over after it.
        weights: of the frozen head, by "head.name".
    """

    latents: Floats
    actions: Ints
    rewards: Floats
    ends: NDArray[np.bool_]
    weights: dict[str, Floats]


@cache
def networks(name: str) -> Frozen:
    """The networks of a game, such as "pong"."""
    return Frozen(weights(_arrays(name)), STRIDES, LIMIT)


@cache
def transitions(name: str, split: str) -> Transitions:
    """What is learned from (`split` "train") or scored on ("test")."""
    arrays, frozen = _arrays(name), networks(name)
    actions = arrays[f"{split}.actions"].astype(np.int64)
    seen, rewards, ends = played(str(arrays["environment"]), actions, int(arrays[f"{split}.seed"]))
    head = {k: v for k, v in frozen.weights.items() if k.startswith("head.")}
    return Transitions(frozen.latents(seen), actions, rewards, ends, head)


def weights(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Floats]:
    """Those among arrays, widened from half precision; the noise of a frozen head is 0."""
    half = {k: v.astype(np.float32) for k, v in arrays.items() if v.dtype == np.float16}
    layers = {k: v for k, v in half.items() if k.startswith("head.")}
    return half | {f"{k}_sigma": np.zeros_like(v) for k, v in layers.items()}


def played(
    environment: str, actions: Ints, seed: int
) -> tuple[NDArray[np.uint8], Floats, NDArray[np.bool_]]:
    """Observations (N, stack, 84, 84), rewards and ends (N,) of actions in a training world."""
    env = gym.make(environment, training=True, disable_env_checker=True)
    observation, _ = env.reset(seed=seed)
    seen, rewards, ends = [], np.zeros(len(actions), np.float32), np.zeros(len(actions), bool)
    for i, action in enumerate(actions):
        seen.append(observation)
        observation, reward, terminated, truncated, _ = env.step(int(action))
        rewards[i], ends[i] = reward, terminated or truncated
        if ends[i]:
            observation, _ = env.reset()
    env.close()
    return np.stack(seen), rewards, ends


def returns(data: Transitions, frozen: Frozen, discount: float) -> Floats:
    """Discounted return (N,) of each step to the end of its life.

    What would have come after the very last step is taken to be the frozen head's value.
    """
    found = np.zeros(len(data.actions), np.float32)
    following = frozen.taken(data.latents[-1:], data.actions[-1:])[0]
    found[-1] = data.rewards[-1] if data.ends[-1] else following
    for i in reversed(range(len(found) - 1)):
        found[i] = data.rewards[i] + (0 if data.ends[i] else discount * found[i + 1])
    return found


@cache
def _arrays(name: str) -> dict[str, NDArray[Any]]:
    return frozen_arrays.read(str(__package__), name, COMMAND)
