"""Runs protocols of acting: keep levels in a stream, or a design for a device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from leapbench.contract.harness import EpisodeRow
from leapbench.contract.task import Protocol
from leapbench.tasks.interaction import InteractionHarness, Vector, episodes

KEPT = ("accuracy", "spent_ms", "budget_ms", "kept", "forced", "latency", "budget", "regret")
"""What is taken from the final infos, where it is there."""


class ActingHarness(InteractionHarness):
    """A row is an episode: its return, length, and what its final info tells."""

    def ended(self, env: Vector, info: Mapping[str, Any], index: int) -> EpisodeRow:
        """See `InteractionHarness.ended`."""
        return {key: info[key][index].item() for key in KEPT if key in info}

    @staticmethod
    def schedule(protocol: Protocol, salt: str = "", seed: int = 0) -> list[EpisodeRow]:
        """Episode and reset seed of each row.

        The run's seed decides them: most agents here draw no numbers, and what is to vary from
        run to run is what they meet. Agents of one seed meet the same.
        """
        return episodes(protocol, salt, seed)

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
