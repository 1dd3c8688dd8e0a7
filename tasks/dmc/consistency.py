"""Value consistency alone, on states of dm_control."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from leapbench.tasks import consistency
from leapbench.tasks.dmc.frozen import data
from leapbench.tasks.dmc.frozen.networks import Floats, Frozen
from leapbench.tasks.imagination import Ints, Trajectories, Values


class ConsistencyHarness(consistency.ConsistencyHarness):
    """Best actions are looked for among `settings.candidates` uniformly drawn ones."""

    def transitions(self, name: str, split: str) -> Trajectories:
        """See `consistency.ConsistencyHarness`, as for the others."""
        return data.transitions(name, split)

    def returns(self, name: str, discount: float) -> Floats:
        """To the time limit, and the frozen value of the last step."""
        return data.returns(data.transitions(name, "test"), data.networks(name), discount)

    def values(self, name: str) -> Values:
        """The smaller of both critics' values."""
        return data.networks(name).values

    def preference(self, name: str, rng: np.random.Generator) -> Callable[[Floats], Ints]:
        """The best of actions that `rng` draws."""
        width = data.transitions(name, "test").actions.shape[1]
        drawn = rng.uniform(-1, 1, (self.protocol.settings["candidates"], width))
        return partial(preferred, data.networks(name), drawn.astype(np.float32))


def preferred(frozen: Frozen, candidates: Floats, latents: Floats) -> Ints:
    """Which of the candidates (M, actions) has the largest value in each latent (N, width)."""
    count = len(candidates)
    every = np.tile(candidates, (len(latents), 1))
    values = frozen.values(np.repeat(latents, count, axis=0), every)
    best: Ints = values.reshape(-1, count).argmax(1)
    return best
