"""Exit rules that look at cubes: where to look next is one of the orders, when to stop a rule."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.agents.common.exits.grid import Flags, GridPolicy
from leapbench.agents.videoglance.common.orders import ORDERS, wanted
from leapbench.contract.agent import LearningPhase
from leapbench.envs.exits.predictions import PredictionCache
from leapbench.envs.videoglance.bank import Bank
from leapbench.envs.videoglance.grid import CubeGrid
from leapbench.envs.videoglance.observation import Layout, fixed
from leapbench.errors import unknown

MOST = "tiles"
"""Order that goes on until the whole clip is covered, beyond the model's looks."""


class Looking(GridPolicy):
    """Goes on by looking at the next cube of an order; never at one twice.

    Args:
        order: "model" (the model's own), "temporal-only" or "spatial-only" (parts of it),
            "random", "uniform", "centre", "tiles", or by a coarse map of the glance:
            "glance-saliency", "glance-evidence", "frame-difference".

    Attributes:
        layout: of the observations; known after learning.
        grid: of the cubes; known after learning.

    Raises:
        UserError: for another order.
    """

    def __init__(self, order: str = "model") -> None:
        if order not in ORDERS:
            raise unknown("order", order, ORDERS)
        self.order = order
        self.layout = Layout(0, 0, 0)
        self.grid = CubeGrid((1, 1, 1), (1, 1, 1), (1, 1, 1))
        self._coins = np.random.default_rng(0)
        self.seed_of_order = 0

    def ladder(self, phase: LearningPhase) -> PredictionCache:
        """What the calibration clips say if they are looked at in the order."""
        bank: Bank = phase.data
        self.layout, self.grid = Layout.of(bank), bank.grid
        self.seed_of_order = int(np.random.default_rng([phase.seed, 1]).integers(2**31))
        self._coins = np.random.default_rng(self.seed_of_order)
        most = len(self.grid.tiles) if self.order == MOST else bank.looks
        cubes = np.argsort(-self._first(bank), axis=1, kind="stable")[:, :most]
        self._coins = np.random.default_rng(self.seed_of_order)
        return bank.ladder(cubes)

    def at(self, observation: NDArray[np.float32]) -> NDArray[np.int64]:
        """Looks so far; see `GridPolicy.at`."""
        looks = observation[:, self.layout.visited].sum(1).astype(np.int64)
        return np.asarray(np.minimum(looks, self.exits - 1))

    def chosen(self, observation: NDArray[np.float32], stay: Flags) -> NDArray[np.int64]:
        """The wanted cube that was not seen, or the answer; see `GridPolicy.chosen`."""
        scores = self.wanted(observation)
        seen = observation[:, self.layout.visited] > 0
        cube = np.where(seen, -np.inf, scores).argmax(1)
        return np.asarray(np.where(stay, cube, self.layout.cubes))

    def wanted(self, observation: NDArray[np.float32]) -> NDArray[np.floating]:
        """How much each cube is wanted, (B, C)."""
        return wanted(self.order, observation, self.layout, self.grid, self._coins)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """See `GridPolicy.arrays`."""
        own = self.grid
        return super().arrays() | {
            "grid": np.array([own.volume, own.cube, own.counts]),
            "layout": np.array([self.layout.cubes, self.layout.classes, self.layout.features]),
            "seed_of_order": np.array(self.seed_of_order),
        }

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """See `GridPolicy.restore`."""
        super().restore(arrays)
        self.grid = CubeGrid(*arrays["grid"].tolist())
        self.layout = Layout(*arrays["layout"].tolist())
        self.seed_of_order = int(arrays["seed_of_order"])
        self._coins = np.random.default_rng(self.seed_of_order)

    def _first(self, bank: Bank) -> NDArray[np.floating]:
        """How much each cube of each clip is wanted on arrival, (N, C)."""
        seen = np.zeros((bank.samples, self.layout.size), np.float32)
        seen[:, self.layout.fixed] = fixed(bank)
        return self.wanted(seen)
