"""What a method learns from: a world's knowledge, counted, and the start that all share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file
from safetensors.torch import save_file

from leapbench.contract.meter import Meter
from leapbench.envs.knowledge.batches import Batch
from leapbench.envs.knowledge.network import Shape
from leapbench.envs.knowledge.sources import SOURCES, Sources, cost
from leapbench.envs.knowledge.training import started
from leapbench.errors import UserError

START = "start.safetensors"


class MeteredKnowledge:
    """Pairs and triplets of one world, each paid for when it is drawn.

    Args:
        world: number of the world.
        sources: its knowledge.
        start: the small CLIP that every method starts from, as arrays by name.
        shape: sizes of the networks.
        meter: counter of triplets; an annotated wrong caption counts three with its pair.
    """

    def __init__(
        self, world: int, sources: Sources, start: dict[str, Any], shape: Shape, meter: Meter
    ) -> None:
        self.world, self.start, self.shape, self.meter = world, start, shape, meter
        self._sources = sources

    def draw(self, counts: dict[str, int], rng: np.random.Generator) -> Batch:
        """A batch of several sources; see `leapbench.envs.knowledge.sources.Sources.draw`.

        Args:
            counts: pairs or triplets by source, each 0 or more.
            rng: draws them.

        Raises:
            BudgetExceeded: when the budget cannot pay for all of it.
            UserError: for a source that there is not, for a count that is no whole number
                from 0 to twice the scenes, or for another `rng`. Nothing is counted then.
        """
        if type(rng) is not np.random.Generator:
            raise UserError(f"rng must be a numpy.random.Generator, got {type(rng).__name__}.")
        wanted = self._wanted(counts)
        self.meter.spend(sum(cost(name) * count for name, count in wanted.items()))
        return self._sources.draw(wanted, rng)

    def _wanted(self, counts: Any) -> dict[str, int]:
        """Counts that are checked, and that cannot change any more."""
        most = 2 * len(self._sources.scenes)
        if not isinstance(counts, dict):
            raise UserError(f"Counts must be a dict, got {type(counts).__name__}.")
        wanted: dict[str, int] = {}
        for name, count in dict(counts).items():
            wanted[str(name)] = number = whole(count)
            if name not in SOURCES or not 0 <= number <= most:
                raise UserError(
                    f"There are no {count} of {name!r} in one draw.",
                    f"Sources are {', '.join(SOURCES)}; counts are whole numbers up to {most:,}.",
                )
        return wanted


def whole(count: Any) -> int:
    """A count as a plain int; -1 for what is none, NaN among it."""
    return int(count) if type(count) is int or isinstance(count, np.integer) else -1


def make_start(sources: Sources, seed: int, settings: dict[str, Any], folder: Path) -> None:
    """Train a start and write it into a folder.

    Args:
        sources: of its world.
        seed: of its first weights and batches.
        settings: the protocol's, of which `start` and `network` are read.
        folder: an empty one.
    """
    clip = started(sources, seed, shape=Shape(**settings["network"]), **settings["start"])
    save_file({k: v.contiguous().clone() for k, v in clip.state_dict().items()}, folder / START)


def read_start(folder: Path) -> dict[str, Any]:
    """What `make_start` wrote, arrays by name."""
    return dict(load_file(folder / START))
