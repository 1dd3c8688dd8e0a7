"""The family's worlds for a viewer: agents that act learn in the same world for a short while."""

from __future__ import annotations

from functools import partial
from typing import Any

import gymnasium as gym

from leapbench.contract.agent import LearningPhase, Policy
from leapbench.contract.harness import Report
from leapbench.contract.meter import Meter
from leapbench.contract.task import Budget
from leapbench.errors import UserError
from leapbench.tasks.sparsify import worlds

IDS = tuple(
    f"leapbench/Sparsify-{world}{actions}-v0"
    for world in ("Dynamic", "Static", "Prune")
    for actions in ("", "Box")
)
STEPS = 48
"""Steps to learn from."""


def make(env_id: str) -> gym.Env[Any, Any]:
    """The world, with pictures."""
    return gym.make(env_id, render_mode="rgb_array")


def taught(env: gym.Env[Any, Any], policy: Policy, seed: int, report: Report) -> Policy:
    """The policy after learning for a few steps.

    Raises:
        UserError: for a method that chooses masks itself, in no world.
    """
    if not callable(getattr(policy, "predict", None)) or env.spec is None:
        raise UserError(
            "This agent chooses masks itself and takes no step in a world.",
            "These act: ppo, random-moves, union-moves, rigl-moves.",
        )
    world, move = worlds.inner(env), getattr(policy, "move", None)
    if move is not None and (world.actions != "moves" or move not in world.moves):
        raise UserError(
            f"The move {move!r} is one of leapbench/Sparsify-Dynamic-v0, not of {env.spec.id}.",
            "ppo and random-moves act in every world.",
        )
    meter = Meter(Budget(unit="steps", limit=STEPS))
    arguments = {"iterations": 60}
    phase = LearningPhase("practice", meter, seed, {}, report=report)
    phase.make_env = partial(worlds.practice, env.spec.id, arguments, meter, frozenset())
    policy.learn(phase)
    return policy
