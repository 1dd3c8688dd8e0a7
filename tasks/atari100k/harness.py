"""A game: act in it with clipped rewards, then play whole games for their scores."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, median

from leapbench.contract.harness import EpisodeRow
from leapbench.contract.task import Protocol
from leapbench.tasks.interaction import InteractionHarness


class AtariHarness(InteractionHarness):
    """Atari 100K: a step is an agent's decision, four frames.

    An agent learns in lives, from the signs of rewards, and is evaluated on whole games by
    their scores. Policies keep the randomness that they bring along, as in the literature
    (epsilon .001): without any, some play on for ever.
    """

    deterministic = False

    @staticmethod
    def metrics(protocol: Protocol, rows: Sequence[EpisodeRow]) -> dict[str, float]:
        """Mean score, the same between random play (0) and a human (1), median, length."""
        scores = [float(row["return"]) for row in rows]
        mean = fmean(scores)
        return {
            protocol.metric.name: mean,
            "human_normalised": protocol.metric.normalise(mean),
            "median": median(scores),
            "length": fmean(float(row["length"]) for row in rows),
        }
