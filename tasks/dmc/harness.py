"""A task of dm_control: act in it, then episodes for their returns."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, median

from leapbench.contract.harness import EpisodeRow
from leapbench.contract.task import Protocol
from leapbench.tasks.interaction import InteractionHarness


class DMCHarness(InteractionHarness):
    """DMC: a step is an agent's decision, as many frames as the task's action repeat."""

    @staticmethod
    def metrics(protocol: Protocol, rows: Sequence[EpisodeRow]) -> dict[str, float]:
        """Mean and median return."""
        returns = [float(row["return"]) for row in rows]
        return {protocol.metric.name: fmean(returns), "median": median(returns)}
