"""Runs the tasks in which a training run is steered: practice worlds, then unseen ones."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Any, ClassVar

import numpy as np
from gymnasium.vector import AutoresetMode

from leapbench.contract import seeds
from leapbench.contract.harness import EpisodeRow
from leapbench.contract.rollout import rollout
from leapbench.contract.task import Protocol
from leapbench.tasks.interaction import InteractionHarness, make


class SteeringHarness(InteractionHarness):
    """Evaluation worlds have other numbers, so other words and scenes, than those of practice.

    Rows have the return, which the agent has seen, and the score on scenes that it has not.
    """

    shared: ClassVar[tuple[str, ...]] = (
        "leapbench.envs.knowledge.words",
        "leapbench.envs.knowledge.sources",
        "leapbench.envs.knowledge.query",
    )

    @staticmethod
    def schedule(protocol: Protocol, salt: str = "", seed: int = 0) -> list[EpisodeRow]:
        """Episode and reset seed of each row; the run's seed decides the worlds.

        Most schedules draw no numbers, and their runs are to differ in something.
        """
        count = protocol.evaluation.episodes
        fresh = seeds.stream(protocol.seed_key, "test", count, seed, salt=salt)
        return [{"episode": episode, "seed": start} for episode, start in enumerate(fresh)]

    @staticmethod
    def metrics(protocol: Protocol, rows: Sequence[EpisodeRow]) -> dict[str, float]:
        """Means over episodes."""
        names = ("score", "return", "length", "spent", "retrieval", "attributes", "facts")
        return {name: fmean(float(row[name]) for row in rows) for name in names}

    def _played(self, policy: Any, planned: Sequence[EpisodeRow]) -> list[EpisodeRow]:
        """Rows of an episode from each planned seed."""
        count, own = len(planned), self.protocol.settings["world"]
        name = self.protocol.evaluation.environment
        env = make(name, count, own, AutoresetMode.DISABLED)
        observation, _ = env.reset(seed=[int(row["seed"]) for row in planned])  # type: ignore[arg-type]
        total, length = np.zeros(count), np.zeros(count, np.int64)
        ends: list[dict[str, float]] = [{} for _ in planned]
        keys = ("spent", "retrieval", "attributes", "facts")
        for step in rollout(env, policy, observation, self.deterministic):
            total, length = total + np.where(step.live, step.reward, 0.0), length + step.live
            for i in np.flatnonzero(step.ended):
                ends[i] = {key: float(step.info[key][i]) for key in keys}
        scores = env.call("score")  # type: ignore[attr-defined]
        env.close()
        found = zip(planned, total.tolist(), length.tolist(), scores, ends, strict=True)
        return [
            {**row, "return": earned, "length": steps, "score": float(score), **end}
            for row, earned, steps, score, end in found
        ]
