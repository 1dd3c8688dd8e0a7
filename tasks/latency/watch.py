"""Latency budgets for a viewer: short streams of one budget, policies taught on the spot."""

from __future__ import annotations

from functools import partial
from typing import Any

import gymnasium as gym
from gymnasium.vector import AutoresetMode

from leapbench.contract.agent import LearningPhase, Policy
from leapbench.contract.harness import Report
from leapbench.contract.meter import Meter, MeteredVectorEnv
from leapbench.contract.task import Budget
from leapbench.envs.latency.budget.env import LatencyBudgetEnv
from leapbench.envs.latency.design.env import LatencyDesignEnv
from leapbench.errors import UserError
from leapbench.tasks.interaction import make as vector

STREAM, BUDGET = 16, 0.6
"""Images of an episode that one watches to its end, and time for each."""
STEPS = {LatencyBudgetEnv: 6144, LatencyDesignEnv: 16384}
"""Steps that a policy learns in: seconds, and less than the tasks give."""


IDS = {
    name: "latency/needle" if "-Mask-" in name else "latency/levels"
    for name in gym.registry
    if name.startswith("leapbench/LatencyBudget-")
}
"""Tasks whose agents act there."""


def make(env_id: str) -> gym.Env[Any, Any]:
    """The environment with pictures; a stream has one budget."""
    arguments: dict[str, Any] = {"stream": STREAM, "budget": BUDGET} if env_id in IDS else {}
    return gym.make(env_id, render_mode="rgb_array", **arguments)


def taught(env: gym.Env[Any, Any], policy: Policy, seed: int, report: Report) -> Policy:
    """The policy after practice in the same world.

    Args:
        env: an environment of `make`.
        policy: has not learned yet.
        seed: of the learning.
        report: called with the fraction learned in [0, 1] and a short line.

    Raises:
        UserError: where actions are masks, which need a network that learned them.
    """
    world = env.unwrapped
    if env.spec is None or not isinstance(world, LatencyBudgetEnv | LatencyDesignEnv):
        raise TypeError(f"expected an environment of this family, got {env}")
    if isinstance(world, LatencyBudgetEnv) and world.actions.masks:
        raise UserError(
            "Policies of masks learn with a network of their own, for minutes.",
            f"Leave out --agent, or watch {env.spec.id.replace('-Mask-', '-')}.",
        )
    meter = Meter(Budget(unit="steps", limit=STEPS[type(world)]))
    phase = LearningPhase("act", meter, seed, {}, report=report)
    phase.make_env = partial(_practice, env.spec.id, meter)
    policy.learn(phase)
    return policy


def _practice(env_id: str, meter: Meter, num_envs: int) -> MeteredVectorEnv:
    arguments: dict[str, Any] = {"stream": STREAM // 2} if env_id in IDS else {}
    return MeteredVectorEnv(vector(env_id, num_envs, arguments, AutoresetMode.SAME_STEP), meter)
