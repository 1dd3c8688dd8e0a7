"""Rules for `leapbench/PretrainSelect-v0`: shares of clusters, step by step."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.agents.common.acting import LookAhead, Schedule
from leapbench.agents.common.bounds import bounded

CLUSTERS = 8
SIZES, GONE = slice(8, 8 + CLUSTERS), slice(8 + CLUSTERS, 8 + 2 * CLUSTERS)
"""Where an observation has shares of clusters in the pool, and how much of each was revealed."""


def action(shares: NDArray[Any]) -> NDArray[np.float32]:
    """Shares of clusters, 0 or more, as an action in [-1, 1]."""
    top = max(float(shares.max()), 1e-9)
    return (2 * shares / top - 1).astype(np.float32)


class AsThere(Schedule):
    """Pictures of the pool as they come: clusters by what is left of them."""

    def choose(self, observation: NDArray[Any], memory: dict[str, Any]) -> NDArray[np.float32]:
        """See `Schedule.choose`."""
        return action(observation[SIZES] * (1 - observation[GONE]) + 1e-6)


class Alike(Schedule):
    """As many pictures of each cluster, as long as there are any."""

    def choose(self, observation: NDArray[Any], memory: dict[str, Any]) -> NDArray[np.float32]:
        """See `Schedule.choose`."""
        return action(np.ones(CLUSTERS))


class Rare(Schedule):
    """More of small clusters: shares by a power of their sizes.

    Args:
        power: 0 for all alike, 1 for shares by the inverse of sizes.
    """

    def __init__(self, power: float = 1.0) -> None:
        super().__init__()
        self.power = power
        bounded(self, {"power": 0})

    def choose(self, observation: NDArray[Any], memory: dict[str, Any]) -> NDArray[np.float32]:
        """See `Schedule.choose`."""
        return action(np.maximum(observation[SIZES], 1e-3).astype(np.float64) ** -self.power)


class Ahead(LookAhead):
    """Tries each cluster alone, and all alike."""

    def candidates(self, world: Any) -> list[Any]:
        """See `LookAhead.candidates`."""
        return [action(np.ones(CLUSTERS)), *(action(row) for row in np.eye(CLUSTERS))]
