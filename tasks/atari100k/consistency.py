"""Value consistency alone, on Atari games."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from leapbench.tasks import consistency
from leapbench.tasks.atari100k.frozen import data
from leapbench.tasks.imagination import Floats, Ints, Trajectories, Values


class ConsistencyHarness(consistency.ConsistencyHarness):
    """Rewards are signs, and a lost life ends an episode, as in learning to play."""

    def transitions(self, name: str, split: str) -> Trajectories:
        """See `consistency.ConsistencyHarness`, as for the others."""
        return data.transitions(name, split)

    def returns(self, name: str, discount: float) -> Floats:
        """To the end of a life."""
        return data.returns(data.transitions(name, "test"), data.networks(name), discount)

    def values(self, name: str) -> Values:
        """Means of the head's distributions."""
        return data.networks(name).taken

    def preference(self, name: str, rng: np.random.Generator) -> Callable[[Floats], Ints]:
        """The best of all actions."""
        return data.networks(name).best
