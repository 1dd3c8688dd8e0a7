"""Knowledge that is drawn, and paid for, elsewhere: what an isolated method has as its data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.knowledge.batches import Batch
from leapbench.envs.knowledge.network import Shape

Piece = tuple[dict[str, Any], list[NDArray[Any]]]


class BoughtKnowledge:
    """Stand-in for the counted knowledge of a phase.

    Args:
        ask: asks the host; JSON data and arrays either way.
        meter: a copy of its counter.
        record: vocabulary, sizes of the networks, and names of the start's arrays.
        arrays: of the start.
    """

    def __init__(
        self,
        ask: Callable[[dict[str, Any], list[NDArray[Any]]], Piece],
        meter: Any,
        record: dict[str, Any],
        arrays: list[NDArray[Any]],
    ) -> None:
        self._ask, self.meter = ask, meter
        self.vocabulary, self.shape = record["vocabulary"], Shape(**record["shape"])
        self.start = dict(zip(record["start"], arrays, strict=True))

    def draw(self, counts: dict[str, int], rng: np.random.Generator) -> Batch:
        """A batch of several sources; the generator is as far along as if it had drawn here."""
        state = rng.bit_generator.state
        record, arrays = self._ask({"counts": dict(counts), "state": state}, [])
        rng.bit_generator.state = record["state"]
        return Batch(*arrays)
