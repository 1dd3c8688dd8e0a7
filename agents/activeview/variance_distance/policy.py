"""The most uncertain of the candidates that are far enough from the views taken."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leapbench.agents.activeview.common.policy import Chooser, Scores
from leapbench.envs.activeview.table import ObservationMode, ViewColumn
from leapbench.errors import UserError


class Apart(Chooser):
    """Rendered variance under a constraint of distance (after SBV, arXiv 2405.02568).

    The distance is a share of what the furthest free candidate has, so that it shrinks
    as the views come to surround the scene; the paper lets it decay as well, by a
    schedule that was not seen.

    Args:
        share: of the largest distance, in [0, 1]; 0 is `variance`, 1 `furthest`.

    Raises:
        UserError: for a share outside.
    """

    observation_mode: ObservationMode = "field"

    def __init__(self, share: float = 0.6) -> None:
        if not 0 <= share <= 1:
            raise UserError(f"share must be in [0, 1], got {share}.")
        self.share = share

    def scores(self, tables: NDArray[np.float32]) -> Scores:
        """See `Chooser.scores`."""
        free, distance = tables[..., ViewColumn.FREE] > 0, tables[..., ViewColumn.DISTANCE]
        furthest = np.where(free, distance, 0).max(axis=1, keepdims=True)
        far = distance >= self.share * furthest
        return np.where(far, tables[..., ViewColumn.VARIANCE], -1.0).astype(np.float64)
