"""Rules for `leapbench/KnowledgeQuery-v0`: which word's objects or facts to buy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.agents.common.acting import LookAhead, Schedule
from leapbench.envs.knowledge.words import STOP, TOPICS
from leapbench.errors import unknown

BOUGHT = slice(10, 10 + STOP)
"""Where an observation has how often each thing was bought."""
OFFERS = {"objects": (0, TOPICS), "facts": (TOPICS, STOP), "both": (0, STOP)}


class Novel(Schedule):
    """What was bought least, ties by chance.

    Args:
        what: "objects", "facts" or "both".

    Raises:
        UserError: for another word.
    """

    def __init__(self, what: str = "both") -> None:
        super().__init__()
        if what not in OFFERS:
            raise unknown("offer", what, OFFERS)
        self.what = what

    def choose(self, observation: NDArray[Any], memory: dict[str, Any]) -> int:
        """See `Schedule.choose`."""
        first, last = OFFERS[self.what]
        counts = observation[BOUGHT][first:last]
        return first + int(self.rng.choice(np.flatnonzero(counts == counts.min())))


class Stop(Schedule):
    """Buys nothing."""

    def choose(self, observation: NDArray[Any], memory: dict[str, Any]) -> int:
        """See `Schedule.choose`."""
        return STOP


class Ahead(LookAhead):
    """Tries some words' objects and facts, and stopping.

    Args:
        tried: purchases that are tried, drawn by chance.
    """

    def __init__(self, tried: int = 6) -> None:
        super().__init__()
        self.tried = tried

    def candidates(self, world: Any) -> list[Any]:
        """See `LookAhead.candidates`."""
        return [int(i) for i in self.rng.permutation(STOP)[: self.tried]] + [STOP]
