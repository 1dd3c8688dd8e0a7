"""The environments keep the rules of the kit, with fields and pictures small enough for a test."""

from __future__ import annotations

import copy
from typing import Any

import gymnasium as gym
import pytest
from gymnasium.envs.registration import EnvSpec

from leapbench.testing import ENVIRONMENT_CHECKS

SMALL: dict[str, Any] = {
    "views": 16,
    "batch": 4,
    "initial": 1,
    "tests": 1,
    "resolution": 4,
    "first": 1,
    "iterations": 1,
    "field": {"resolution": 4, "coarse": 4, "samples": 4, "rays": 8},
}
CASES = {
    "ActiveView-Niche-v0": {**SMALL, "pool": "decoy", "features": True},
    "ActiveViewFree-v0": {**SMALL, "evaluation": True},
}


def small(name: str) -> EnvSpec:
    spec = copy.deepcopy(gym.spec(f"leapbench/{name}"))
    spec.kwargs.update(CASES[name])
    return spec


@pytest.mark.parametrize("check", ENVIRONMENT_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", CASES)
def test_rules(name: str, check: Any) -> None:
    check(small(name))
