"""The registered worlds as tests want them: one id a world, scenes as small as can be."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import pytest

from leapbench.envs.refusals import UnsupportedMode
from leapbench.errors import UserError
from leapbench.testing import small_spec

IDS = sorted(name for name in gym.registry if name.startswith("leapbench/"))


def _own() -> list[str]:
    """The shortest id of each entry point: Walker-v0, and not Walker-Run-v0."""
    found: dict[Any, str] = {}
    for name in sorted(IDS, key=len):
        found.setdefault(gym.spec(name).entry_point, name)
    return sorted(found.values())


WORLDS = _own()
NATIVE = [name for name in WORLDS if gym.spec(name).vector_entry_point]


def make(name: str, **arguments: Any) -> Any:
    """The bare world, or a skip where a package is missing."""
    try:
        return gym.make(small_spec(name), disable_env_checker=True, **arguments).unwrapped
    except UnsupportedMode:
        raise
    except UserError as missing:
        pytest.skip(str(missing))
