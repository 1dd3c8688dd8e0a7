"""Worlds of two entropies: explore and fine-tune at each noise, score the worse one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.contract.harness import EpisodeRow
from leapbench.contract.task import Phase, Protocol
from leapbench.tasks.urlb.base import PhasesHarness, PhaseWorld, Played

NO_GOAL = "none"
DIGITS = 6
"""Decimals of an entropy in the rows."""


class UrlbHarness(PhasesHarness):
    """A tree of phases: roots explore without reward, branches fine-tune on one goal.

    `settings.worlds` has each phase's arguments of the environment, `settings.world`
    those that all share. An agent is given neither noise nor goal.

    Evaluated are the fine-tuned parts, greedily, and the pre-trained ones as they
    explore, which gives no return and shows where they go.
    """

    @staticmethod
    def world(protocol: Protocol, phase: Phase) -> PhaseWorld:
        """The one environment with the phase's noise; a root has no reward."""
        settings: dict[str, dict[str, Any]] = protocol.settings
        arguments = {"task": None} | settings["world"] | settings["worlds"][phase.name]
        environment = protocol.evaluation.environment
        return PhaseWorld(environment, arguments, int(arguments["horizon"]), bool(phase.after))

    def relevant(self, phase: Phase, config: Mapping[str, Any]) -> dict[str, Any]:
        """The world of the phase."""
        world = self.world(self.protocol, phase)
        return {"environment": world.environment, "arguments": world.arguments}

    def measured(self, played: Played) -> Iterator[EpisodeRow]:
        """Return, length, and entropy of the cells that were visited, nats."""
        visits = cells(played.seen, int(self.protocol.settings.get("bins", 0)))
        for earned, visited in zip(played.returns.tolist(), visits, strict=True):
            yield {"return": earned, "length": len(visited), "entropy": entropy(visited)}

    @classmethod
    def schedule(cls, protocol: Protocol, salt: str = "", seed: int = 0) -> list[EpisodeRow]:
        """Noise, goal, episode and reset seed of each row."""
        rows: list[EpisodeRow] = []
        for phase, episode, start in cls.starts(protocol, salt):
            world = cls.world(protocol, phase).arguments
            goal = str(world["task"] or NO_GOAL)
            rows.append({"noise": world["noise"], "goal": goal, "episode": episode, "seed": start})
        return rows

    @staticmethod
    def metrics(protocol: Protocol, rows: Sequence[EpisodeRow]) -> dict[str, float]:
        """Share of steps in the goal: worst and mean over the noise, and at each; entropies."""
        levels = sorted({float(row["noise"]) for row in rows})
        share = {
            level: _mean(
                float(row["return"]) / float(row["length"])
                for row in rows
                if row["noise"] == level and row["goal"] != NO_GOAL
            )
            for level in levels
        }
        found = {"worst": min(share.values()), "mean": _mean(share.values())}
        for level in levels:
            free = (r for r in rows if r["noise"] == level and r["goal"] == NO_GOAL)
            found[f"noise_{level:g}"] = share[level]
            found[f"entropy_{level:g}"] = _mean(float(row["entropy"]) for row in free)
        return found


def cells(seen: NDArray[Any], bins: int) -> NDArray[np.int64]:
    """Numbered cells of what was observed, int64 (B, T).

    Args:
        seen: numbered observations (B, T), which are cells already, or (B, T, d) whose
            first two numbers are a place in [-1, 1] x [-1, 1].
        bins: cells on a side for the latter.
    """
    if seen.ndim == 2:
        return seen
    index = np.clip((seen[..., :2] + 1) / 2 * bins, 0, bins - 1).astype(np.int64)
    return np.asarray(index[..., 0] * bins + index[..., 1])


def entropy(visits: NDArray[np.int64]) -> float:
    """Entropy of the cells of one episode, in nats; int64 (T,)."""
    _, counts = np.unique(visits, return_counts=True)
    share = counts / counts.sum()
    return round(float(-(share * np.log(share)).sum()) + 0.0, DIGITS)


def _mean(values: Any) -> float:
    return float(np.mean(list(values)))
