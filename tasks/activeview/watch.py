"""The family's scenes for a viewer: policies that learn do so on smaller pictures."""

from __future__ import annotations

from functools import partial
from typing import Any

import gymnasium as gym

from leapbench.contract.agent import LearningPhase, Policy
from leapbench.contract.harness import Report
from leapbench.contract.meter import Meter
from leapbench.contract.task import Budget
from leapbench.envs.activeview.table import ViewTable
from leapbench.tasks.activeview import worlds
from leapbench.tasks.activeview.harness import mode_of

SCENE, POOL = "niche", "decoy"
SMALLER = {"resolution": 16, "first": 40, "iterations": 20, "tests": 6, "candidates": 24}
VIEWS = 256
"""Views to learn from."""


def make(env_id: str) -> gym.Env[Any, Any]:
    """The environment as a table of its candidates, with pictures."""
    scene = gym.spec(env_id).kwargs.get("scene", SCENE)
    return ViewTable(gym.make(env_id, scene=scene, pool=POOL, render_mode="rgb_array"), "cameras")


def taught(env: gym.Env[Any, Any], policy: Policy, seed: int, report: Report) -> Policy:
    """The policy after learning on other scenes of the same family.

    Args:
        env: an environment of `make`; it is shown as far as the policy looks.
        policy: has not learned yet.
        seed: of the learning.
        report: called with the fraction learned in [0, 1] and a short line.
    """
    if not isinstance(env, ViewTable) or env.spec is None:
        raise TypeError(f"expected an environment made by `make`, got {env}")
    meter = Meter(Budget(unit="views", limit=VIEWS))
    scene = env.spec.kwargs["scene"]
    arguments = {"scene": scene, "pool": POOL, "views": 8, "batch": 1} | SMALLER
    phase = LearningPhase("practice", meter, seed, {"views": 8, "batch": 1}, report=report)
    phase.make_env = partial(worlds.practice, env.spec.id, arguments, meter)
    policy.learn(phase)
    env.mode = mode_of(policy)
    return policy
