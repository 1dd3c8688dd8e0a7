"""Early exits for a viewer: short streams of test samples, policies taught on the spot."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
from gymnasium.vector import AutoresetMode

from leapbench.contract.agent import LearningPhase, Policy
from leapbench.contract.harness import Report
from leapbench.contract.meter import Meter, MeteredVectorEnv
from leapbench.contract.task import Budget
from leapbench.envs.earlyexit.env import EarlyExitEnv
from leapbench.envs.earlyexit.reference import load_reference
from leapbench.envs.earlyexit.vector import EarlyExitVectorEnv
from leapbench.envs.exits.predictions import PredictionCache

STREAM = 40  # samples: an episode that one watches to its end
DECISIONS = 100_000
LEARNING_STREAM = 200  # samples in an episode that a policy learns in
POINTS = 6  # budgets that the policy is taught


def make(env_id: str) -> gym.Env[Any, Any]:
    """The environment over a short stream of test samples, with pictures."""
    return gym.make(env_id, split="test", stream=STREAM, render_mode="rgb_array")


def taught(env: gym.Env[Any, Any], policy: Policy, seed: int, report: Report) -> Policy:
    """The policy after learning on the packaged calibration predictions of the same network.

    Args:
        env: an environment of `make`.
        policy: has not learned yet.
        seed: of the learning.
        report: called with the fraction learned in [0, 1] and a short line.
    """
    if not isinstance(env.unwrapped, EarlyExitEnv) or env.spec is None:
        raise TypeError(f"expected an early-exit environment, got {env}")
    calibration, _ = load_reference(env.spec.kwargs["data"])
    return learned(calibration, policy, seed, report)


def learned(
    predictions: PredictionCache,
    policy: Policy,
    seed: int,
    report: Report = lambda fraction, line: None,
) -> Policy:
    """The policy after learning on cached predictions, for budgets from first to last exit."""
    meter = Meter(Budget(unit="decisions", limit=DECISIONS))
    first, full = int(predictions.costs[0]), int(predictions.costs[-1])
    budgets = tuple(first + (full - first) * i // POINTS for i in range(1, POINTS + 1))
    phase = LearningPhase("calibrate", meter, seed, {"budgets": budgets}, data=predictions)
    phase.report = report

    def practice(num_envs: int, stream: int | None = None) -> MeteredVectorEnv:
        env = EarlyExitVectorEnv(
            num_envs,
            predictions=predictions,
            stream=min(stream or LEARNING_STREAM, len(predictions.labels)),
            budget=budgets,
            autoreset_mode=AutoresetMode.SAME_STEP,
        )
        return MeteredVectorEnv(env, meter)

    phase.make_env = practice
    policy.learn(phase)
    return policy
