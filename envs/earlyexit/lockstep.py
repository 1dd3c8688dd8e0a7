"""State of many streams as arrays, moved together without a loop over them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.utils import seeding
from numpy.typing import NDArray

from leapbench.envs.earlyexit.dynamics import CLOSED, StreamWorld
from leapbench.envs.exits.observation import ExitColumn

EnvIndices = NDArray[np.int64]
"""Indices of streams."""


class LockstepStreams:
    """The streams of a vector environment.

    Args:
        world: the rules and tables.
        size: number of streams, S.

    Attributes:
        sample: int64 (S,), index of the current sample in the prediction cache.
        exit: int64 (S,), 0-based exit at which it is.
        position: int64 (S,), samples answered.
        budget: int64 (S,), multiply-adds per sample.
        remaining: int64 (S,), unspent multiply-adds.
        over: bool (S,), whether the stream has ended or was never dealt.
    """

    def __init__(self, world: StreamWorld, size: int) -> None:
        self.world, self.size = world, size
        self.sample, self.exit, self.position, self.budget, self.remaining = np.zeros(
            (5, size), np.int64
        )
        self._answerable, self._forced = np.zeros((2, size), np.int64)
        self._orders = np.zeros((size, world.length), np.int64)
        self._history = np.zeros((size, world.length), np.int16)
        self._starts = np.arange(size) * world.length
        self._budget_share = np.zeros(size, np.float32)
        self.over = np.ones(size, np.bool_)
        self._rngs: list[np.random.Generator | None] = [None] * size

    def seed(self, index: int, seed: int | None) -> None:
        """Seed the random numbers of one stream; None goes on with those it has."""
        if seed is not None or self._rngs[index] is None:
            self._rngs[index] = seeding.np_random(seed)[0]

    def deal(self, indices: EnvIndices, budgets: Sequence[int] | None = None) -> None:
        """Start a new stream in each of `indices`, under budgets (S,) given or drawn."""
        world = self.world
        for index in indices.tolist():
            rng = self._rngs[index] or seeding.np_random()[0]
            self._rngs[index] = rng
            budget = None if budgets is None else budgets[index]
            self._orders[index], self.budget[index] = world.deal(rng, budget)
            self._answerable[index] = world.answerable(int(self.budget[index]))
        self.sample[indices] = self._orders[indices, 0]
        self.remaining[indices] = world.length * self.budget[indices] - world.first
        self.exit[indices] = self.position[indices] = self._forced[indices] = 0
        self._budget_share[indices] = np.minimum(1.0, self.budget[indices] / world.full)
        self.over[indices] = False

    def advance(self, asked: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Apply the rules to every stream that is not over.

        Args:
            asked: bool (S,), True to continue.

        Returns:
            Rewards float64 (S,) and which streams ended now, bool (S,).
        """
        world, live = self.world, ~self.over
        price = world.prices.take(self.exit)
        granted = live & world.granted(asked, self.remaining, price, self.position)
        answered = live & ~granted
        right = world.correct.take(self.sample * world.predictions.exits + self.exit)
        # Written at every exit: what stays is the one answered from.
        self._history.put(self._cells(), 2 * self.exit + right)
        self._forced += asked & answered & (price != CLOSED)
        self.position += answered
        ended = answered & (self.position == self._answerable)
        arriving = answered & ~ended
        self.over |= ended
        self.remaining -= np.where(granted, price, world.first * arriving)
        self.exit += granted
        self.exit *= ~arriving
        np.copyto(self.sample, self._orders.take(self._cells()), where=arriving)
        return (right & answered).astype(np.float64), ended

    def observe(self, out: NDArray[np.float32], indices: EnvIndices | slice = slice(None)) -> None:
        """Write the observations of `indices` into `out`, float32 (len(indices), 14)."""
        world, position = self.world, self.position[indices]
        rows = self.sample[indices] * world.predictions.exits + self.exit[indices]
        # "clip" lets NumPy write straight into `out`; rows are in range anyway.
        world.observations.take(rows, axis=0, out=out, mode="clip")
        out[:, ExitColumn.BUDGET] = self._budget_share[indices]
        share = world.share(self.remaining[indices], position)
        out[:, ExitColumn.REMAINING] = np.minimum(1.0, share)
        out[:, ExitColumn.PROGRESS] = position / world.length

    def order(self, index: int) -> NDArray[np.int64]:
        """Samples of stream `index`, in the order in which they come, int64 (length,)."""
        return np.array(self._orders[index])

    def answers(self, index: int) -> NDArray[np.int16]:
        """`2 * exit + correct` of each sample that stream `index` has answered."""
        return self._history[index, : self.position[index]]

    def summary(self, index: int) -> dict[str, Any]:
        """Final info of stream `index`; see `StreamWorld.summary`."""
        counts = (self.budget, self.remaining, self._forced)
        return self.world.summary(self.answers(index), *(int(count[index]) for count in counts))

    def _cells(self) -> NDArray[np.int64]:
        """Flat index of each stream's current sample in its order and history."""
        cells = np.minimum(self.position, self.world.length - 1)
        cells += self._starts
        return cells
