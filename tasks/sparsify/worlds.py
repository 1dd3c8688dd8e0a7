"""The family's worlds, as practice and evaluation want them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gymnasium as gym

from leapbench.contract.meter import Meter, MeteredVectorEnv
from leapbench.envs.sparsify.base import SparsifyEnv
from leapbench.envs.sparsify.data import SCENES
from leapbench.errors import UserError
from leapbench.tasks.interaction import training


def make(environment: str, arguments: Mapping[str, Any]) -> gym.Env[Any, Any]:
    """One world.

    Args:
        environment: Gymnasium id.
        arguments: of the world; `data` may name a folder of LEAPBENCH_DATA.

    Raises:
        UserError: when the pictures are not there.
    """
    return gym.make(environment, disable_env_checker=True, **located(arguments))


def inner(env: gym.Env[Any, Any]) -> SparsifyEnv:
    """The world itself."""
    found: SparsifyEnv = env.unwrapped  # type: ignore[assignment]
    return found


def practice(
    environment: str,
    arguments: Mapping[str, Any],
    meter: Meter,
    scored: frozenset[int],
    num_envs: int,
) -> MeteredVectorEnv:
    """Metered worlds to learn in; they restart at the end, and no seed of `scored` is used."""
    return training(environment, located(arguments), meter, num_envs, held_out=scored)


def located(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with a data set such as "nyuv2" as its folder.

    Raises:
        UserError: when LEAPBENCH_DATA does not have it.
    """
    name = str(arguments.get("data", SCENES))
    if name == SCENES or Path(name).is_dir():
        return dict(arguments)
    root = os.environ.get("LEAPBENCH_DATA", "")
    folder = Path(root).expanduser() / name
    if not root or not folder.is_dir():
        where = f"{root} has none" if root else "LEAPBENCH_DATA is not set"
        raise UserError(
            f"The pictures of {name} are needed, and {where}.",
            f"Put them into $LEAPBENCH_DATA/{name}; docs/sparsify.md says in which layouts.",
        )
    return dict(arguments) | {"data": str(folder)}
