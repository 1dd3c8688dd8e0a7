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
            UserError: for a source that there is not, or a count below 0.
        """
        for name, count in counts.items():
            if name not in SOURCES or count < 0:
                raise UserError(
                    f"There are no {count} of {name!r}.", f"Sources are {', '.join(SOURCES)}."
                )
        self.meter.spend(sum(cost(name) * count for name, count in counts.items()))
        return self._sources.draw(counts, rng)


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
