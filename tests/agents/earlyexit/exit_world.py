"""A synthetic calibration phase and test streams, for the tests of the exit policies."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode

from leapbench.contract import registry
from leapbench.contract.agent import LearningPhase
from leapbench.contract.meter import Meter, MeteredVectorEnv
from leapbench.contract.rollout import rollout
from leapbench.contract.task import Budget
from leapbench.envs.earlyexit.vector import EarlyExitVectorEnv
from leapbench.envs.exits.predictions import PredictionCache

STREAM = 400
LEARNED_BY_ACTING = ("ppo", "dqn")
NAMES = sorted(
    name
    for name, found in registry.agents_of("earlyexit").items()
    if found.role == "policy" and found.family
)
ORACLES = ("oracle-budgeted", "oracle-first-correct")
OFFLINE = [name for name in NAMES if name not in (*LEARNED_BY_ACTING, *ORACLES)]


def caches(
    seed: int = 0, calibration: int = 1500, test: int = 2000
) -> tuple[PredictionCache, PredictionCache]:
    """Calibration and test part of one synthetic prediction cache."""
    whole = PredictionCache.synthetic(calibration + test, exits=4, classes=10, seed=seed)
    parts = (slice(None, calibration), slice(calibration, None))
    first, second = (
        PredictionCache(whole.probabilities[p], whole.labels[p], whole.costs) for p in parts
    )
    return first, second


def grid(predictions: PredictionCache, count: int = 5) -> tuple[int, ...]:
    """Budgets per sample strictly between the first and the last exit's cost."""
    first, last = int(predictions.costs[0]), int(predictions.costs[-1])
    return tuple(first + (last - first) * (i + 1) // (count + 1) for i in range(count))


def phase(predictions: PredictionCache, limit: int = 4096, seed: int = 3) -> LearningPhase:
    """What the harness opens for a policy."""
    meter, budgets = Meter(Budget(unit="decisions", limit=limit)), grid(predictions)

    def make_env(num_envs: int, stream: int | None = None) -> MeteredVectorEnv:
        env = EarlyExitVectorEnv(
            num_envs,
            predictions=predictions,
            stream=stream or STREAM,
            budget=budgets,
            autoreset_mode=AutoresetMode.SAME_STEP,
        )
        return MeteredVectorEnv(env, meter)

    settings = {"budgets": budgets, "stream": STREAM}
    return LearningPhase("calibrate", meter, seed, settings, data=predictions, make_env=make_env)


def make(name: str, **settings: Any) -> Any:
    """The policy declared under `name`."""
    found = registry.agent(name, "earlyexit")
    module, _, attribute = found.entry.partition(":")
    return getattr(import_module(module), attribute)(**(dict(found.config) | settings))


def play(policy: Any, predictions: PredictionCache, episodes: int = 2) -> dict[str, np.ndarray]:
    """Final infos of the same streams at every budget of the grid.

    Returns:
        "accuracy", "spent", "budget" (G, episodes) and "exits" (G, episodes, K).
    """
    limits = np.repeat(grid(predictions), episodes)
    env = EarlyExitVectorEnv(
        len(limits),
        predictions=predictions,
        stream=STREAM,
        budget=grid(predictions),
        autoreset_mode=AutoresetMode.DISABLED,
    )
    seeds = [100 + i % episodes for i in range(len(limits))]
    observation, _ = env.reset(seed=seeds, options={"budget": limits})
    finals: dict[int, dict[str, Any]] = {}
    for step in rollout(env, policy, observation):
        assert step.action.dtype == np.int64
        for i in np.flatnonzero(step.ended):
            finals[i] = {key: step.info[key][i] for key in ("accuracy", "spent", "budget", "exits")}
    return {
        key: np.array([finals[i][key] for i in range(len(limits))]).reshape(
            len(limits) // episodes, episodes, *np.shape(finals[0][key])
        )
        for key in finals[0]
    }
