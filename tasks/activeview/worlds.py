"""The family's environments, as practice and evaluation want them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, SupportsFloat

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode

from leapbench.contract.meter import Meter, MeteredVectorEnv
from leapbench.envs.activeview.table import ObservationMode, ViewTable
from leapbench.errors import Unavailable

CURVES = ("acquired", "psnr", "unseen_psnr")


def make(environment: str, arguments: Mapping[str, Any], mode: ObservationMode) -> ViewTable:
    """One environment as a table.

    Args:
        environment: Gymnasium id.
        arguments: of the environment; see `located` for a scene in a folder.
        mode: what of the table is filled in.

    Raises:
        Unavailable: when photographs are not there.
    """
    env = gym.make(environment, disable_env_checker=True, **located(arguments))
    return ViewTable(env, mode)


def practice(
    environment: str, arguments: Mapping[str, Any], meter: Meter, num_envs: int
) -> MeteredVectorEnv:
    """Metered environments that pay as they go, to learn from; they restart at the end."""
    env = gym.make_vec(
        environment,
        num_envs,
        "sync",
        vector_kwargs={"autoreset_mode": AutoresetMode.SAME_STEP},
        wrappers=[partial(ViewTable, mode="field"), Terse],
        **located(arguments),
    )
    return MeteredVectorEnv(env, meter)


class Terse(gym.Wrapper[Any, Any, Any, Any]):
    """Leaves out of `info` the curves, whose length differs between sub-environments."""

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Step the environment; see `gymnasium.Env.step`."""
        *parts, info = self.env.step(action)
        kept = {key: value for key, value in info.items() if key not in CURVES}
        return *parts, kept  # type: ignore[return-value]


def located(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with a scene such as "nerf_synthetic/lego" as a folder of photographs.

    Raises:
        Unavailable: when LEAPBENCH_DATA does not have it.
    """
    scene = str(arguments.get("scene", ""))
    if "/" not in scene:
        return dict(arguments)
    root = os.environ.get("LEAPBENCH_DATA", "")
    folder = Path(root).expanduser() / scene
    if not root or not folder.is_dir():
        where = f"{root} has none" if root else "LEAPBENCH_DATA is not set"
        raise Unavailable(
            f"The photographs of {scene} are needed, and {where}.",
            f"Put them into $LEAPBENCH_DATA/{scene}.",
        )
    return dict(arguments) | {"scene": str(folder)}


def placed(arguments: Mapping[str, Any], device: str) -> dict[str, Any]:
    """The arguments with the field on a device, as torch names it."""
    return dict(arguments) | {"field": dict(arguments.get("field", {})) | {"device": device}}


def decoys(candidates: np.ndarray, centre: np.ndarray, aside: float) -> np.ndarray:
    """Which candidates look past the scene, bool (C,).

    Args:
        candidates: poses (C, 4, 4).
        centre: middle of the scene, (3,).
        aside: angle in radians above which a camera looks past it.
    """
    towards = centre - candidates[:, :3, 3]
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    return np.asarray((-candidates[:, :3, 2] * towards).sum(axis=1) < np.cos(aside))
