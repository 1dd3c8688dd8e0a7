"""The family's worlds for a viewer."""

from __future__ import annotations

from functools import partial
from typing import Any

import gymnasium as gym

from leapbench.contract.agent import LearningPhase, Policy
from leapbench.contract.harness import Report
from leapbench.contract.meter import Meter
from leapbench.contract.task import Budget
from leapbench.tasks.interaction import training

IDS = ("leapbench/PretrainControl-Discrete-v0", "leapbench/PretrainSelect-v0")
STEPS = 80
"""Steps that a policy practises."""


def make(env_id: str) -> gym.Env[Any, Any]:
    """The environment with pictures."""
    return gym.make(env_id, render_mode="rgb_array")


def taught(env: gym.Env[Any, Any], policy: Policy, seed: int, report: Report) -> Policy:
    """The policy after practice in worlds of its own.

    Args:
        env: an environment of `make`.
        policy: has not learned yet.
        seed: of the learning.
        report: called with the fraction learned in [0, 1] and a short line.
    """
    assert env.spec is not None  # noqa: S101 - made by `make`
    meter = Meter(Budget(unit="steps", limit=STEPS))
    phase = LearningPhase("practice", meter, seed, {}, report=report)
    phase.make_env = partial(training, env.spec.id, {}, meter)
    policy.learn(phase)
    return policy
