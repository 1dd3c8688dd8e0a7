"""Runs the coin protocols; two environment variables stop a run for the resume tests."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from leapbench.contract import seeds
from leapbench.contract.agent import Learner, LearningPhase
from leapbench.contract.harness import EpisodeRow, Harness, Outcome, Report
from leapbench.contract.meter import Meter, MeteredStream, MeteredVectorEnv
from leapbench.contract.rollout import act
from leapbench.contract.task import Phase, Protocol
from toys.worlds import FLIPS, Coins


class CoinsHarness(Harness):
    """A model estimates the bias from labelled flips, a policy plays."""

    def open(self, phase: Phase, parts: Mapping[str, Learner], report: Report) -> LearningPhase:
        _log(f"{phase.name} {self.seed}")
        if phase.role == "model" and os.environ.get("TOYS_HANG") == str(self.seed):
            time.sleep(600)
        meter = Meter(phase.budget)
        (seed,) = seeds.stream(self.protocol.seed_key, "train", 1, self.seed)
        opened = LearningPhase(phase.name, meter, seed, self.protocol.settings, report=report)
        if phase.role == "model":
            rng = np.random.default_rng(seed)
            count = self.protocol.settings["samples"]
            images = rng.random((count, 1, 1, 1), np.float32)
            opened.data = MeteredStream(images, (images[:, 0, 0, 0] < 0.7).astype(np.int64), meter)
        else:
            opened.make_env = lambda num: MeteredVectorEnv(
                gym.vector.SyncVectorEnv([Coins] * num, autoreset_mode="SameStep"), meter
            )
        return opened

    def evaluate(self, parts: Mapping[str, Learner], report: Report) -> Outcome:
        policy: Any = parts["policy"]
        policy.prior = parts["model"].network  # type: ignore[attr-defined]
        plan = self.schedule(self.protocol, self.salt)
        return Outcome([row | _episode(policy, row["seed"]) for row in plan])

    @staticmethod
    def schedule(protocol: Protocol, salt: str = "", seed: int = 0) -> list[EpisodeRow]:
        starts = seeds.stream(protocol.seed_key, "test", protocol.evaluation.episodes, salt=salt)
        return [{"episode": i, "seed": seed} for i, seed in enumerate(starts)]

    @staticmethod
    def metrics(protocol: Protocol, rows: Sequence[EpisodeRow]) -> dict[str, float]:
        return {"hits": float(np.mean([row["hits"] for row in rows]))}


def _episode(policy: Any, seed: Any) -> EpisodeRow:
    env, state, over, hits = Coins(), None, False, 0.0
    observation, _ = env.reset(seed=seed)
    while not over:
        action, state = act(policy, env.action_space, observation[None], state)
        observation, reward, over, _, _ = env.step(action[0])
        hits += reward / FLIPS
    return {"hits": hits}


def _log(line: str) -> None:
    """Append to the file that the tests count trainings with, if there is one."""
    if "TOYS_LOG" in os.environ:
        with Path(os.environ["TOYS_LOG"]).open("a") as file:
            file.write(line + "\n")
