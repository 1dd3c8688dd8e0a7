"""The rules of the latency budget: what a stream holds, what blocks cost, what is granted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from leapbench.envs.latency.budget.observation import Layout
from leapbench.envs.latency.budget.prices import PICO, Prices
from leapbench.envs.latency.dynamic import DynamicNetwork
from leapbench.envs.latency.needle import Pictures
from leapbench.envs.refusals import count, no_options
from leapbench.errors import UserError

Ints = NDArray[np.int64]
LEVELS = (0.0, 0.1, 0.2, 0.35, 0.6, 1.0)
"""Shares of its cells that a block may keep, those with the highest scores."""
BUDGETS = (0.4, 0.5, 0.6, 0.7, 0.85, 1.0)
"""Time for an image, over the static latency of the network."""
LONGEST = 100_000


@dataclass
class BudgetWorld:
    """What all streams of one environment share.

    Attributes:
        network: in evaluation mode; its maskers rank the cells. Maps are where its weights are.
        pictures: images to draw streams from.
        prices: of the network's blocks on the device.
        stream: images of an episode.
        budgets: of which each episode draws one, over `static`.
        static: picoseconds an image that budgets are shares of.
        exact: compute with double precision, so that an image gives the same numbers whatever
            it is computed together with; single precision is faster.
        levels: shares of cells that the actions of a policy of levels keep.

    Raises:
        UserError: for a stream or a budget that cannot be.
    """

    network: DynamicNetwork
    pictures: Pictures
    prices: Prices
    stream: int
    budgets: tuple[float, ...]
    static: int
    exact: bool = True
    levels: tuple[float, ...] = LEVELS
    blocks: int = field(init=False)

    def __post_init__(self) -> None:
        self.blocks = len(self.network.shape.blocks)
        self.stream = count("stream", self.stream, 1, len(self.pictures))
        self.network = self.network.double() if self.exact else self.network.float()
        self.network.eval().requires_grad_(False)
        self.place = next(self.network.parameters()).device
        self.budgets = tuple(self.checked(budget) for budget in self.budgets)
        if not self.budgets:
            raise UserError("Expected at least one budget.")
        self.cells = np.array([side**2 for side in self.network.shape.cells])
        # What is computed in any case after block b of an image, and in images after it.
        floors = self.prices.floors
        self.after = np.append(floors[::-1].cumsum()[::-1][1:], 0)
        self.counts = np.array(
            [
                [-(-round(level * 1000) * cells // 1000) for level in self.levels]
                for cells in self.cells.tolist()
            ]
        )
        self.level_prices = np.array(
            [
                table[counts] / self.static
                for table, counts in zip(self.prices.tables, self.counts, strict=True)
            ],
            np.float32,
        )

    @property
    def horizon(self) -> int:
        """Steps of an episode: a block of an image each."""
        return self.stream * self.blocks

    @property
    def widest(self) -> int:
        """Most cells of a block."""
        return int(self.cells.max())

    def layout(self, masks: bool) -> Layout:
        """Columns of an observation, with those of every cell or without."""
        return Layout(self.blocks, len(self.levels), self.widest if masks else 0)

    def checked(self, budget: Any) -> float:
        """A budget as it is.

        Raises:
            UserError: when it is no number, below what is computed in any case, or above 10.
        """
        least = self.prices.least / self.static
        if isinstance(budget, bool) or not isinstance(budget, int | float | np.number):
            raise UserError(f"A budget is a number, got {budget!r}.")
        if not least <= budget <= 10:
            raise UserError(
                f"A budget is a share of the static latency, from {least:.3f}, which is computed "
                f"in any case, to 10; got {budget:g}."
            )
        return float(budget)

    def asked(self, options: Mapping[str, Any] | None, count: int) -> list[float] | None:
        """Budgets that a `reset` asks for, one a stream."""
        no_options(options, ("budget",))
        given = (options or {}).get("budget")
        if given is None:
            return None
        each = [given] * count if np.ndim(given) == 0 else list(given)
        if len(each) != count:
            raise UserError(f"budget must list {count} numbers, got {len(each)}.")
        return [self.checked(budget) for budget in each]

    def deal(self, rng: np.random.Generator, budget: float | None) -> tuple[Ints, float]:
        """Images of a stream, int64 (stream,), and its budget where none is given."""
        order = rng.permutation(len(self.pictures))[: self.stream]
        drawn = self.budgets[int(rng.integers(len(self.budgets)))]
        return order, drawn if budget is None else budget

    def purse(self, budget: float) -> int:
        """Picoseconds for a whole stream; never less than is computed in any case."""
        return max(round(budget * self.static * self.stream), self.stream * self.prices.least)

    def images(self, index: Sequence[int] | Ints) -> torch.Tensor:
        """Images as the network takes them, (n, C, H, W)."""
        kind = torch.float64 if self.exact else torch.float32
        batch = torch.from_numpy(self.pictures.images[np.asarray(index)]).to(kind)
        return batch.contiguous(memory_format=torch.channels_last).to(self.place)


def milliseconds(picoseconds: float) -> float:
    """From whole picoseconds, for people."""
    return picoseconds / (PICO / 1000)
