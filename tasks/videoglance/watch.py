"""Glances at video for a viewer: short streams of test clips, policies taught on the spot."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
from gymnasium.vector import AutoresetMode

from leapbench.contract.agent import LearningPhase, Policy, is_privileged
from leapbench.contract.harness import Report
from leapbench.contract.meter import Meter, MeteredVectorEnv
from leapbench.contract.task import Budget
from leapbench.envs.videoglance.dynamics import budgets
from leapbench.envs.videoglance.env import VideoGlanceEnv
from leapbench.envs.videoglance.reference import load_reference
from leapbench.envs.videoglance.vector import VideoGlanceVectorEnv
from leapbench.errors import UserError

STREAM = 20  # clips: an episode that one watches to its end
DECISIONS = 100_000
LEARNING_STREAM = 100  # clips in an episode that a policy learns in


def make(env_id: str) -> gym.Env[Any, Any]:
    """The environment over a short stream of test clips at 0.6 of the all-cubes cost."""
    arguments = dict(gym.spec(env_id).kwargs)
    if "data" not in arguments:
        raise UserError(
            f"{env_id} takes a bank of yours, and has no clips of its own to be watched.",
            "leapbench watch leapbench/VideoGlance-Needle-v0",
        )
    _, test = load_reference(arguments["data"])
    budget = budgets(test)[2]
    return gym.make(env_id, split="test", stream=STREAM, budget=budget, render_mode="rgb_array")


def taught(env: gym.Env[Any, Any], policy: Policy, seed: int, report: Report) -> Policy:
    """The policy after learning on the packaged calibration bank of the same model.

    Args:
        env: an environment of `make`.
        policy: has not learned yet.
        seed: of the learning.
        report: called with the fraction learned in [0, 1] and a short line.
    """
    if not isinstance(env.unwrapped, VideoGlanceEnv) or env.spec is None:
        raise TypeError(f"expected an environment of glances, got {env}")
    if env.unwrapped.world.actions != "cubes":
        raise UserError("Policies choose cubes by their number.", "Leave out --agent.")
    known, _ = load_reference(env.spec.kwargs["data"])
    bank = known.blind()
    meter = Meter(Budget(unit="decisions", limit=DECISIONS))
    grid = budgets(bank)
    phase = LearningPhase("calibrate", meter, seed, {"budgets": grid})
    phase.data = known if is_privileged(policy) else bank
    phase.report = report

    def practice(num_envs: int, stream: int | None = None) -> MeteredVectorEnv:
        made = VideoGlanceVectorEnv(
            num_envs,
            bank=bank,
            stream=stream or LEARNING_STREAM,
            budget=grid,
            autoreset_mode=AutoresetMode.SAME_STEP,
        )
        return MeteredVectorEnv(made, meter)

    phase.make_env = practice
    policy.learn(phase)
    return policy
