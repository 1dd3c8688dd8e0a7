"""The family's worlds for a viewer: a goal to reach, policies taught on the spot."""

from __future__ import annotations

from functools import partial
from typing import Any

import gymnasium as gym

from leapbench.contract.agent import LearningPhase, Policy
from leapbench.contract.harness import Report, stage
from leapbench.contract.meter import Meter
from leapbench.contract.task import Budget
from leapbench.tasks.urlb import worlds

PHASES = (("pretrain", 20_000), ("finetune", 5_000))
"""Steps without and with reward; more than a protocol gives, so that there is something to see."""


def make(env_id: str) -> gym.Env[Any, Any]:
    """The environment with pictures."""
    return gym.make(env_id, render_mode="rgb_array")


def taught(env: gym.Env[Any, Any], policy: Policy, seed: int, report: Report) -> Policy:
    """The policy after exploring and, where there is a goal, fine-tuning in the same world.

    Args:
        env: an environment of `make`.
        policy: has not learned yet.
        seed: of the learning.
        report: called with the fraction learned in [0, 1] and a short line.
    """
    if env.spec is None:
        raise TypeError(f"expected an environment made by its id, got {env}")
    bare: Any = env.unwrapped
    horizon = getattr(bare, "horizon", None) or bare.world.horizon
    arguments = {k: v for k, v in env.spec.kwargs.items() if k != "render_mode"}
    phases = PHASES if arguments.get("task") else PHASES[:1]
    for place, (phase, limit) in enumerate(phases):
        meter, rewarded = Meter(Budget(unit="steps", limit=limit)), phase == "finetune"
        world = arguments if rewarded else arguments | {"task": None}
        opened = LearningPhase(phase, meter, seed, {"horizon": horizon})
        opened.make_env = partial(worlds.training, env.spec.id, world, rewarded, meter)
        opened.report = stage(report, place, len(phases), phase)
        policy.learn(opened)
    return policy
