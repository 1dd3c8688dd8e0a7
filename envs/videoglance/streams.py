"""State of streams of clips as arrays, moved together without a loop over them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.utils import seeding
from numpy.typing import NDArray

from leapbench.envs.exits.observation import ExitColumn
from leapbench.envs.videoglance.dynamics import GlanceWorld
from leapbench.envs.videoglance.observation import surest

Indices = NDArray[np.int64]
"""Indices of streams."""
HELD = 0.5
"""Share of the true tube from which a cube counts as a hit."""


class Streams:
    """The streams of an environment, one or many.

    Args:
        world: the rules and tables.
        size: number of streams, S.

    Attributes:
        sample: int64 (S,), index of the current clip in the bank.
        looks: int64 (S,), cubes looked at in it.
        position: int64 (S,), clips answered.
        budget: int64 (S,), multiply-adds per clip.
        remaining: int64 (S,), unspent multiply-adds.
        over: bool (S,), whether the stream has ended or was never dealt.
        probabilities: float32 (S, classes), of the current clip after the looks so far.
        visited: bool (S, C), cubes looked at in the current clip.
        path: int16 (S, C), their order; only the first `looks` count, up to C.
        hits: int64 (S,), answered clips in which a cube held the true tube. For
            diagnostics: no observation and no info says it.
    """

    def __init__(self, world: GlanceWorld, size: int) -> None:
        self.world, self.size = world, size
        self.sample, self.looks, self.position, self.budget, self.remaining = np.zeros(
            (5, size), np.int64
        )
        self.hits, self._answerable, self._forced, self._streak = np.zeros((4, size), np.int64)
        self._orders = np.zeros((size, world.length), np.int64)
        self._history = np.zeros((size, world.length), np.int32)
        self.over, self._hit = np.ones(size, np.bool_), np.zeros(size, np.bool_)
        cubes, features = world.layout.cubes, world.layout.features
        self.visited = np.zeros((size, cubes), np.bool_)
        self.path = np.zeros((size, cubes), np.int16)
        self._seen = np.zeros((size, features), np.uint8)
        self._predicted = np.zeros(size, np.int64)
        self._rows = np.zeros((size, world.layout.size), np.float32)
        self._rngs: list[np.random.Generator | None] = [None] * size

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """See the class."""
        return self._rows[:, self.world.layout.probabilities]

    def seed(self, index: int, seed: int | None) -> None:
        """Seed the random numbers of one stream; None goes on with those it has."""
        if seed is not None or self._rngs[index] is None:
            self._rngs[index] = seeding.np_random(seed)[0]

    def use(self, index: int, rng: np.random.Generator) -> None:
        """Let a stream draw from `rng`."""
        self._rngs[index] = rng

    def deal(self, indices: Indices, budgets: Sequence[int] | None = None) -> None:
        """Start a new stream in each of `indices`, under budgets (S,) given or drawn."""
        world = self.world
        for index in indices.tolist():
            rng = self._rngs[index] or seeding.np_random()[0]
            self._rngs[index] = rng
            budget = None if budgets is None else budgets[index]
            self._orders[index], self.budget[index] = world.deal(rng, budget)
            self._answerable[index] = world.answerable(int(self.budget[index]))
        self.remaining[indices] = world.length * self.budget[indices] - world.first
        self.position[indices] = self._forced[indices] = self.hits[indices] = 0
        share = np.minimum(1.0, self.budget[indices] / world.full)
        self._rows[indices, ExitColumn.BUDGET] = share
        self.over[indices] = False
        self._arrive(indices)
        self._believe(indices)

    def advance(self, actions: Indices) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Apply the rules to every stream that is not over.

        Args:
            actions: int64 (S,), a cube's index, or C to answer.

        Returns:
            Rewards float64 (S,) and which streams ended now, bool (S,).
        """
        world, live, bank = self.world, ~self.over, self.world.bank
        asked = actions < world.answer
        price = np.full(self.size, bank.look)
        granted = live & world.granted(asked, self.remaining, price, self.position)
        answered = live & ~granted
        self._forced += asked & answered
        right = self._predicted == bank.labels[self.sample]
        place = np.flatnonzero(answered)
        self._history[place, self.position[place]] = 2 * self.looks[place] + right[place]
        self.hits += answered & self._hit
        self.position += answered
        ended = answered & (self.position == self._answerable)
        arriving = answered & ~ended
        self.over |= ended
        self.remaining -= np.where(granted, price, world.first * arriving)
        self._look(np.flatnonzero(granted), actions)
        self._arrive(np.flatnonzero(arriving))
        self._believe(np.flatnonzero(granted | arriving))
        return (right & answered).astype(np.float64), ended

    def observe(self, out: NDArray[np.float32], indices: Indices | slice = slice(None)) -> None:
        """Write the observations of `indices` into `out`, float32 (len(indices), size)."""
        world, position = self.world, self.position[indices]
        out[...] = self._rows[indices]
        looks = self.looks[indices]
        out[:, ExitColumn.EXIT] = np.minimum(1.0, looks / world.bank.looks)
        out[:, ExitColumn.AGREEMENT] = np.minimum(1.0, self._streak[indices] / world.bank.looks)
        spent = (world.first + looks * world.bank.look) / world.full
        out[:, ExitColumn.SPENT] = np.minimum(1.0, spent)
        out[:, ExitColumn.NEXT] = world.bank.look / world.full
        share = world.share(self.remaining[indices], position)
        out[:, ExitColumn.REMAINING] = np.minimum(1.0, share)
        out[:, ExitColumn.PROGRESS] = position / world.length

    def order(self, index: int) -> NDArray[np.int64]:
        """Clips of stream `index`, in the order in which they come, int64 (length,)."""
        return np.array(self._orders[index])

    def answers(self, index: int) -> NDArray[np.int32]:
        """`2 * looks + correct` of each clip that stream `index` has answered."""
        return self._history[index, : self.position[index]]

    def summary(self, index: int) -> dict[str, Any]:
        """Final info of stream `index`; see `GlanceWorld.summary`."""
        counts = (self.budget, self.remaining, self._forced)
        return self.world.summary(self.answers(index), *(int(count[index]) for count in counts))

    def _look(self, indices: Indices, actions: Indices) -> None:
        """Take the running maximum with a cube's features; one seen before adds nothing."""
        clips, cubes, bank = self.sample[indices], actions[indices], self.world.bank
        self._seen[indices] = np.maximum(self._seen[indices], bank.cubes[clips, cubes])
        step = np.minimum(self.looks[indices], self.world.layout.cubes - 1)
        self.path[indices, step] = cubes
        self.looks[indices] += 1
        self.visited[indices, cubes] = True
        self._rows[indices, self.world.layout.visited.start + cubes] = 1.0
        self._hit[indices] |= bank.overlap[clips, cubes] >= HELD

    def _arrive(self, indices: Indices) -> None:
        """Put the next clip of each of `indices` before it, after its glance."""
        layout = self.world.layout
        clips = self._orders[indices, self.position[indices]]
        self.sample[indices], self.looks[indices] = clips, 0
        self._streak[indices] = 0
        self._predicted[indices] = -1
        self._hit[indices] = False
        self.visited[indices] = False
        self._seen[indices] = self.world.bank.glance[clips]
        self._rows[indices, layout.visited] = 0.0
        self._rows[indices, layout.fixed] = self.world.fixed[clips]

    def _believe(self, indices: Indices) -> None:
        """Renew what is thought of the clips of `indices`."""
        if not len(indices):
            return
        rows = np.zeros((len(indices), self.world.layout.probabilities.stop), np.float32)
        found = self.world.bank.probabilities(self._seen[indices])
        rows[:, self.world.layout.probabilities] = found
        surest(rows, found)
        columns = [*range(ExitColumn.TOP1, ExitColumn.MARGIN + 1)]
        self._rows[indices, ExitColumn.TOP1 : columns[-1] + 1] = rows[:, columns]
        self._rows[indices, self.world.layout.probabilities] = found
        predicted = found.argmax(axis=1)
        same = predicted == self._predicted[indices]
        self._streak[indices] = np.where(same, self._streak[indices] + 1, 0)
        self._predicted[indices] = predicted
