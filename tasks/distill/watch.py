"""The family's worlds for a viewer: agents act by rows, whichever way the id takes actions."""

from __future__ import annotations

from functools import partial
from typing import Any

import gymnasium as gym

from leapbench.contract.agent import LearningPhase, Policy
from leapbench.contract.harness import Report
from leapbench.contract.meter import Meter
from leapbench.contract.task import Budget
from leapbench.tasks.distill.harness import practice

BOX = "leapbench/Distill-DigitPairs-Box-v0"
IDS = ("leapbench/Distill-DigitPairs-v0", BOX)
BUDGET = 2.2
"""Whole teachers with a student each: enough for every rule."""
ROUNDS = 1024
"""Rounds that a policy learns in."""


class Viewed(gym.Wrapper[Any, Any, Any, Any]):
    """An environment that can be changed for the one with rows as actions."""

    def by_rows(self) -> None:
        """Take rows from now on."""
        self.env = gym.make(BOX, budget=BUDGET, render_mode="rgb_array")
        self.action_space = self.env.action_space


def make(env_id: str) -> gym.Env[Any, Any]:
    """The environment with pictures."""
    return Viewed(gym.make(env_id, budget=BUDGET, render_mode="rgb_array"))


def taught(env: gym.Env[Any, Any], policy: Policy, seed: int, report: Report) -> Policy:
    """The policy after practice.

    Args:
        env: an environment of `make`; it takes rows afterwards.
        policy: has not learned yet.
        seed: of the learning.
        report: called with the fraction learned in [0, 1] and a short line.
    """
    if not isinstance(env, Viewed):
        raise TypeError(f"expected an environment made by `make`, got {env}")
    meter = Meter(Budget(unit="rounds", limit=ROUNDS))
    phase = LearningPhase("practice", meter, seed, {}, report=report)
    phase.make_env = partial(practice, BOX, {"budget": BUDGET}, meter)
    policy.learn(phase)
    env.by_rows()
    return policy
