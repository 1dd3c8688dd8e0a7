"""Transitions of one task, as a frozen encoder sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.tasks import frozen_arrays
from leapbench.tasks.dmc.frozen.networks import Floats, Frozen, whole

COMMAND = "python -m leapbench.studies.dmc.frozen"
PARTS = ("encoder", "actor", "critic")


@dataclass(frozen=True)
class Transitions:
    """Steps in the order in which they were taken.

    Attributes:
        latents: float32 (N, width), by the frozen encoder.
        actions: float32 (N, actions), what was done there.
        rewards: float32 (N,), what it gave.
        ends: bool (N,), whether it was its episode's last.
        choices: float32 (N, actions), what the frozen actor would do.
        weights: of the frozen critic, by "critic.name".
    """

    latents: Floats
    actions: Floats
    rewards: Floats
    ends: NDArray[np.bool_]
    choices: Floats
    weights: dict[str, Floats]


@cache
def networks(name: str) -> Frozen:
    """The networks of a task of dm_control, such as "cartpole-swingup"."""
    arrays = _arrays(name)
    return Frozen({k: v for k, v in arrays.items() if k.partition(".")[0] in PARTS})


@cache
def transitions(name: str, split: str) -> Transitions:
    """What is learned from (`split` "train") or scored on ("test")."""
    return seen(_arrays(name), split)


def seen(arrays: Mapping[str, NDArray[Any]], split: str) -> Transitions:
    """Transitions of a split by the networks among the same arrays."""
    frozen, observations = Frozen(arrays), arrays[f"{split}.observations"]
    return Transitions(
        latents=frozen.latents(observations),
        actions=arrays[f"{split}.actions"],
        rewards=arrays[f"{split}.rewards"],
        ends=arrays[f"{split}.ends"],
        choices=frozen.choices(observations),
        weights={k: v for k, v in arrays.items() if k.startswith("critic.")},
    )


def returns(data: Transitions, frozen: Frozen, discount: float) -> Floats:
    """Discounted return (N,) of each step to its episode's end.

    A time limit ends these episodes, and what would have come after the last step is taken
    to be the frozen critic's value of it.
    """
    last = frozen.values(data.latents, data.actions)
    found = np.zeros(len(last), np.float32)
    for i in reversed(range(len(last))):
        ends = data.ends[i] or i + 1 == len(last)
        found[i] = last[i] if ends else data.rewards[i] + discount * found[i + 1]
    return found


@cache
def _arrays(name: str) -> dict[str, NDArray[Any]]:
    return whole(frozen_arrays.read(str(__package__), name, COMMAND))
