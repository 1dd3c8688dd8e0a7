"""Runs protocols of acting: keep levels in a stream, or a design for a device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode

from leapbench.contract import seeds
from leapbench.contract.harness import EpisodeRow
from leapbench.contract.rollout import rollout
from leapbench.contract.task import Protocol
from leapbench.tasks.interaction import InteractionHarness, make

KEPT = ("accuracy", "spent_ms", "budget_ms", "kept", "forced", "latency", "budget", "regret")
"""What is taken from the final infos, where it is there."""


class ActingHarness(InteractionHarness):
    """A row is an episode: its return, length, and what its final info tells."""

    def _played(self, policy: Any, planned: Sequence[EpisodeRow]) -> list[EpisodeRow]:
        count, name = len(planned), self.protocol.evaluation.environment
        env = make(name, count, self.protocol.settings["world"], AutoresetMode.DISABLED)
        observation, _ = env.reset(seed=[int(row["seed"]) for row in planned])  # type: ignore[arg-type]
        rows: list[EpisodeRow] = [dict(row) for row in planned]
        earned, length = np.zeros(count), np.zeros(count, np.int64)
        for step in rollout(env, policy, observation):
            earned, length = earned + step.reward * step.live, length + step.live
            for i in np.flatnonzero(step.ended):
                found = {key: step.info[key][i].item() for key in KEPT if key in step.info}
                rows[i] |= {"return": float(earned[i]), "length": int(length[i]), **found}
        env.close()
        return rows

    @staticmethod
    def schedule(protocol: Protocol, salt: str = "", seed: int = 0) -> list[EpisodeRow]:
        """Episode and reset seed of each row.

        The run's seed decides them: most agents here draw no numbers, and what is to vary from
        run to run is what they meet. Agents of one seed meet the same.
        """
        count = protocol.evaluation.episodes
        fresh = seeds.stream(protocol.seed_key, "test", count, seed, salt=salt)
        return [{"episode": episode, "seed": start} for episode, start in enumerate(fresh)]

    @staticmethod
    def metrics(protocol: Protocol, rows: Sequence[EpisodeRow]) -> dict[str, float]:
        """Mean reward: accuracy of the answers in a stream, or of the designs that are in time.

        Beside it the mean of whatever else the rows hold; `late` is the share of designs that
        are slower than their budgets, and `violations` counts streams that spent too much.
        """
        images = protocol.settings["world"].get("stream", 1)
        found = {"reward": float(np.mean([float(row["return"]) for row in rows])) / images}
        for key in ("kept", "forced", "regret"):
            if key in rows[0]:
                found[key] = float(np.mean([float(row[key]) for row in rows]))
        if "latency" in rows[0]:
            late = [float(row["latency"]) > float(row["budget"]) for row in rows]
            found["late"] = float(np.mean(late))
        if "spent_ms" in rows[0]:
            over = [float(row["spent_ms"]) > float(row["budget_ms"]) + 1e-9 for row in rows]
            found["violations"] = float(sum(over))
        return found
