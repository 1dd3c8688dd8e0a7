"""What a method learns from: a world's knowledge, counted, and the start that all share."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file
from safetensors.torch import save_file

from leapbench.contract.meter import Meter
from leapbench.contract.served import Piece
from leapbench.envs.knowledge.batches import SOURCES, Batch, cost
from leapbench.envs.knowledge.network import Shape
from leapbench.envs.knowledge.sources import Sources
from leapbench.envs.knowledge.start import started
from leapbench.errors import UserError

START = "start.safetensors"


class MeteredKnowledge:
    """Pairs and triplets of one world, each paid for when it is drawn.

    A method is told what words there are, and not the number of the world: that would give
    every scene and every triplet unpaid.

    Args:
        sources: the world's knowledge.
        start: the small CLIP that every method starts from, as arrays by name.
        shape: sizes of the networks.
        meter: counter of triplets; an annotated wrong caption counts three with its pair.
    """

    guest: ClassVar[str] = "leapbench.envs.knowledge.bought:BoughtKnowledge"

    def __init__(self, sources: Sources, start: dict[str, Any], shape: Shape, meter: Meter) -> None:
        self.vocabulary = dict(sources.words.number)
        self.start, self.shape, self.meter = start, shape, meter
        self._sources = sources

    def told(self) -> Piece:
        """See `leapbench.contract.served.Served`."""
        record = {"vocabulary": self.vocabulary, "shape": vars(self.shape)}
        return record | {"start": list(self.start)}, list(self.start.values())

    def answer(self, record: dict[str, Any], arrays: list[NDArray[Any]]) -> Piece:
        """Draw for a method that is isolated; see `leapbench.contract.served.Served`."""
        rng = np.random.default_rng()
        try:
            rng.bit_generator.state = record["state"]
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise UserError("rng must be what numpy.random.default_rng gives.") from error
        batch = self.draw(record.get("counts", {}), rng)
        drawn = [getattr(batch, each.name) for each in fields(batch)]
        return {"state": rng.bit_generator.state}, drawn

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
