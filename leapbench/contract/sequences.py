"""Steps that are learned from as sequences, counted before they are given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.contract.meter import Meter
from leapbench.errors import UserError


class MeteredSequences:
    """Steps in the order in which they were taken; so many in a row at a time are given out.

    Args:
        steps: arrays of N rows each, by name, such as "latents" and "actions".
        weights: arrays of frozen networks by name, which cost nothing.
        meter: counter, one unit a sequence.
        longest: steps of the longest sequence.

    Attributes:
        shapes: of one step's arrays, by name.
    """

    def __init__(
        self,
        steps: Mapping[str, NDArray[Any]],
        weights: Mapping[str, NDArray[np.float32]],
        meter: Meter,
        longest: int,
    ) -> None:
        self._steps, self._count = dict(steps), len(next(iter(steps.values())))
        self.weights, self.meter, self.longest = dict(weights), meter, longest
        self.shapes = {name: array.shape[1:] for name, array in self._steps.items()}

    def __len__(self) -> int:
        return self._count

    def read(self, rows: NDArray[np.int64], length: int) -> dict[str, NDArray[Any]]:
        """Sequences from `rows` on.

        Args:
            rows: int64 (B,), the first step of each.
            length: L, steps of each.

        Returns:
            Arrays (B, L, ...), by name.

        Raises:
            BudgetExceeded: when the budget does not pay for B; nothing is counted.
            UserError: for other rows, and longer sequences than are given.
        """
        rows = np.asarray(rows)
        if rows.ndim != 1 or rows.dtype != np.int64 or not 1 <= length <= self.longest:
            raise UserError(f"Sequences have whole first steps and 1 to {self.longest} steps.")
        if len(rows) and not 0 <= rows.min() <= rows.max() <= len(self) - length:
            raise UserError(f"Sequences of {length} steps begin in [0, {len(self) - length}].")
        self.meter.spend(len(rows))
        wanted = rows[:, None] + np.arange(length)
        return {name: array[wanted] for name, array in self._steps.items()}
