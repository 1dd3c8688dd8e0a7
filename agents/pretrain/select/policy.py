"""Rules for `leapbench/PretrainSelect-Discrete-v0`: of which cluster the next pictures are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.agents.common.acting import LookAhead, Schedule
from leapbench.agents.common.bounds import bounded

CLUSTERS = 8
ALIKE, AS_THERE = CLUSTERS, CLUSTERS + 1
"""Actions that draw from all clusters alike, and from the pool as it is."""
SIZES, GONE = slice(8, 8 + CLUSTERS), slice(8 + CLUSTERS, 8 + 2 * CLUSTERS)
"""Where an observation has shares of clusters in the pool, and how much of each was revealed."""


class AsThere(Schedule):
    """Pictures of the pool as they come."""

    def choose(self, observation: NDArray[Any], memory: dict[str, Any]) -> int:
        """See `Schedule.choose`."""
        return AS_THERE


class Alike(Schedule):
    """As many pictures of each cluster, as long as there are any."""

    def choose(self, observation: NDArray[Any], memory: dict[str, Any]) -> int:
        """See `Schedule.choose`."""
        return ALIKE


class Rare(Schedule):
    """Small clusters more often: each by a power of its size, as long as it has pictures.

    Args:
        power: 0 for all alike, 1 for chances by the inverse of sizes.
    """

    def __init__(self, power: float = 1.0) -> None:
        super().__init__()
        self.power = power
        bounded(self, {"power": 0})

    def choose(self, observation: NDArray[Any], memory: dict[str, Any]) -> int:
        """See `Schedule.choose`."""
        sizes = np.maximum(observation[SIZES], 1e-3).astype(np.float64)
        likely = sizes**-self.power * (observation[GONE] < 1)
        if not likely.sum():
            return ALIKE
        return int(self.rng.choice(CLUSTERS, p=likely / likely.sum()))


class Ahead(LookAhead):
    """Tries each cluster alone, and all alike."""

    def candidates(self, world: Any) -> list[Any]:
        """See `LookAhead.candidates`."""
        return list(range(ALIKE + 1))
