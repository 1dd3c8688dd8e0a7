"""State of a few streams as Python numbers: faster than arrays up to `FEW` of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.utils import seeding
from numpy.typing import NDArray

from leapbench.envs.earlyexit.dynamics import CLOSED, StreamWorld
from leapbench.envs.earlyexit.lockstep import EnvIndices
from leapbench.envs.exits.observation import ExitColumn

FEW = 16
"""Streams beyond which arrays are faster (`benchmarks/vector_width.py`)."""


class Stream:
    """One stream; see `LockstepStreams` for the attributes."""

    __slots__ = (
        "answerable", "budget", "exit", "forced", "history", "order", "over", "position",
        "remaining", "rng", "sample", "share",
    )  # fmt: skip

    def __init__(self) -> None:
        self.sample = self.exit = self.position = self.budget = self.remaining = 0
        self.answerable = self.forced = 0
        self.share, self.over = 0.0, True
        self.order: list[int] = []
        self.history: list[int] = []
        self.rng: np.random.Generator | None = None

    def deal(self, world: StreamWorld, budget: int | None) -> None:
        """Start a new stream, under a budget given or drawn."""
        self.rng = self.rng or seeding.np_random()[0]
        order, self.budget = world.deal(self.rng, budget)
        self.order, self.history = order.tolist(), []
        self.answerable = world.answerable(self.budget)
        self.sample, self.remaining = self.order[0], world.length * self.budget - world.first
        self.exit = self.position = self.forced = 0
        self.share, self.over = min(1.0, self.budget / world.full), False


class Few:
    """`LockstepStreams` for a few streams, with the same methods and results.

    Args:
        world: the rules and tables.
        size: number of streams, S.
    """

    def __init__(self, world: StreamWorld, size: int) -> None:
        self.world, self.size = world, size
        self._streams = [Stream() for _ in range(size)]
        self._prices: list[int] = world.prices.tolist()

    @property
    def sample(self) -> NDArray[np.int64]:
        """int64 (S,), index of the current sample in the prediction cache."""
        return np.array([stream.sample for stream in self._streams])

    @property
    def exit(self) -> NDArray[np.int64]:
        """int64 (S,), 0-based exit at which it is."""
        return np.array([stream.exit for stream in self._streams])

    @property
    def position(self) -> NDArray[np.int64]:
        """int64 (S,), samples answered."""
        return np.array([stream.position for stream in self._streams])

    @property
    def budget(self) -> NDArray[np.int64]:
        """int64 (S,), multiply-adds per sample."""
        return np.array([stream.budget for stream in self._streams])

    @property
    def remaining(self) -> NDArray[np.int64]:
        """int64 (S,), unspent multiply-adds."""
        return np.array([stream.remaining for stream in self._streams])

    @property
    def over(self) -> NDArray[np.bool_]:
        """Bool (S,), whether the stream has ended or was never dealt."""
        return np.array([stream.over for stream in self._streams])

    def seed(self, index: int, seed: int | None) -> None:
        """Seed the random numbers of one stream; None goes on with those it has."""
        stream = self._streams[index]
        if seed is not None or stream.rng is None:
            stream.rng = seeding.np_random(seed)[0]

    def deal(self, indices: EnvIndices, budgets: Sequence[int] | None = None) -> None:
        """Start a new stream in each of `indices`, under budgets (S,) given or drawn."""
        for index in indices.tolist():
            self._streams[index].deal(self.world, None if budgets is None else budgets[index])

    def advance(self, asked: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Apply the rules to every stream that is not over; see `LockstepStreams.advance`."""
        world, prices = self.world, self._prices
        rewards, ended = [0.0] * self.size, [False] * self.size
        for index, (stream, go) in enumerate(zip(self._streams, asked.tolist(), strict=True)):
            if stream.over:
                continue
            price = prices[stream.exit]
            if world.granted(go, stream.remaining, price, stream.position):
                stream.remaining -= price
                stream.exit += 1
                continue
            stream.forced += go and price != CLOSED
            right = bool(world.correct[stream.sample * len(prices) + stream.exit])
            stream.history.append(2 * stream.exit + right)
            stream.position += 1
            rewards[index] = float(right)
            if stream.position == stream.answerable:
                stream.over = ended[index] = True
                continue
            stream.remaining -= world.first
            stream.exit, stream.sample = 0, stream.order[stream.position]
        return np.array(rewards), np.array(ended)

    def observe(self, out: NDArray[np.float32], indices: EnvIndices | slice = slice(None)) -> None:
        """Write the observations of `indices` into `out`, float32 (len(indices), 14)."""
        world, exits = self.world, len(self._prices)
        chosen = self._streams
        if not isinstance(indices, slice):
            chosen = [self._streams[index] for index in indices.tolist()]
        rows = [stream.sample * exits + stream.exit for stream in chosen]
        world.observations.take(rows, axis=0, out=out, mode="clip")
        for row, stream in zip(out, chosen, strict=True):
            row[ExitColumn.BUDGET :] = (
                stream.share,
                min(1.0, world.share(stream.remaining, stream.position)),
                stream.position / world.length,
            )

    def order(self, index: int) -> NDArray[np.int64]:
        """Samples of stream `index`, in the order in which they come, int64 (length,)."""
        return np.array(self._streams[index].order, np.int64)

    def answers(self, index: int) -> NDArray[np.int16]:
        """`2 * exit + correct` of each sample that stream `index` has answered."""
        return np.array(self._streams[index].history, np.int16)

    def summary(self, index: int) -> dict[str, Any]:
        """Final info of stream `index`; see `StreamWorld.summary`."""
        stream = self._streams[index]
        counts = stream.budget, stream.remaining, stream.forced
        return self.world.summary(self.answers(index), *counts)
