"""The candidate with the most, or the least, of one quantity."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leapbench.agents.activeview.common.policy import Chooser, Scores
from leapbench.envs.activeview.table import ObservationMode, ViewColumn
from leapbench.errors import unknown

LOOKED: dict[str, tuple[ViewColumn, ObservationMode]] = {
    "distance": (ViewColumn.DISTANCE, "cameras"),
    "angle": (ViewColumn.ANGLE, "cameras"),
    "variance": (ViewColumn.VARIANCE, "field"),
    "gain": (ViewColumn.GAIN, "field"),
    "opacity-gain": (ViewColumn.OPACITY_GAIN, "field"),
    "fisher": (ViewColumn.FISHER, "field"),
    "batch-gain": (ViewColumn.BATCH_GAIN, "batch"),
    "batch-opacity-gain": (ViewColumn.BATCH_OPACITY_GAIN, "batch"),
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
