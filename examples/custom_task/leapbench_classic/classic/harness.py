"""Runs the family's protocols: metered steps to learn from, then held-out episodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np

from leapbench.contract import seeds
from leapbench.contract.agent import Learner, LearningPhase
from leapbench.contract.harness import EpisodeRow, Harness, Outcome, Report
from leapbench.contract.meter import Meter, MeteredVectorEnv
from leapbench.contract.rollout import act
from leapbench.contract.task import Phase, Protocol


class ClassicHarness(Harness):
    """One phase of metered interaction, one environment."""

    def open(self, phase: Phase, parts: Mapping[str, Learner], report: Report) -> LearningPhase:
        """Training environments in which every step counts."""
        meter = Meter(phase.budget)
        (seed,) = seeds.stream(self.protocol.seed_key, "train", 1, self.seed)
        world = self.protocol.evaluation.environment
        opened = LearningPhase(phase.name, meter, seed, {}, report=report)
        opened.make_env = lambda num_envs: MeteredVectorEnv(gym.make_vec(world, num_envs), meter)
        return opened

    def evaluate(self, parts: Mapping[str, Learner], report: Report) -> Outcome:
        """One greedy episode for each seed of the test stream."""
        env = gym.make(self.protocol.evaluation.environment)
        plan = self.schedule(self.protocol, self.salt)
        return Outcome([row | _episode(env, parts["agent"], row["seed"]) for row in plan])

    @staticmethod
    def schedule(protocol: Protocol, salt: str = "", seed: int = 0) -> list[EpisodeRow]:
        """Number and reset seed of each episode."""
        starts = seeds.stream(protocol.seed_key, "test", protocol.evaluation.episodes, salt=salt)
        return [{"episode": i, "seed": seed} for i, seed in enumerate(starts)]

    @staticmethod
    def metrics(protocol: Protocol, rows: Sequence[EpisodeRow]) -> dict[str, float]:
        """Mean return over the episodes."""
        return {"return": float(np.mean([row["return"] for row in rows]))}


def _episode(env: gym.Env[Any, Any], agent: Any, seed: Any) -> EpisodeRow:
    observation, _ = env.reset(seed=seed)
    state, over, total = None, False, 0.0
    while not over:
        actions, state = act(agent, env.action_space, observation[None], state)
        observation, reward, terminated, truncated, _ = env.step(actions[0])
        total, over = total + float(reward), terminated or truncated
    return {"return": total}
