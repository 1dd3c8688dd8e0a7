"""The candidate with the most, or the least, of one quantity."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leapbench.agents.activeview.common.policy import Chooser, Scores
from leapbench.envs.activeview.table import Column, ObservationMode
from leapbench.errors import unknown

LOOKED: dict[str, tuple[Column, ObservationMode]] = {
    "distance": (Column.DISTANCE, "cameras"),
    "angle": (Column.ANGLE, "cameras"),
    "variance": (Column.VARIANCE, "field"),
    "gain": (Column.GAIN, "field"),
    "opacity-gain": (Column.OPACITY_GAIN, "field"),
    "fisher": (Column.FISHER, "field"),
    "batch-gain": (Column.BATCH_GAIN, "batch"),
    "batch-opacity-gain": (Column.BATCH_OPACITY_GAIN, "batch"),
}
"""Column and observation mode of each quantity."""


class Extreme(Chooser):
    """Compares candidates by one column of their table.

    Args:
        quantity: a name of `LOOKED`.
        most: whether the most of it is best, or the least.

    Raises:
        UserError: for an unknown quantity.
    """

    def __init__(self, quantity: str = "opacity-gain", most: bool = True) -> None:
        if quantity not in LOOKED:
            raise unknown("quantity", quantity, LOOKED)
        self.column, self.observation_mode = LOOKED[quantity]
        self.sign = 1.0 if most else -1.0

    def scores(self, tables: NDArray[np.float32]) -> Scores:
        """See `Chooser.scores`."""
        return self.sign * tables[..., self.column].astype(np.float64)
