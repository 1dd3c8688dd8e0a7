"""The rules, once: what the single and the vector environment both compute with.

Cells are numbered row by row from the top left: cell = row * size + column.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from leapbench.errors import UserError, unknown

Wholes = NDArray[np.int64]

ACTIONS = ("stay", "up", "right", "down", "left")
STEPS = ((0, 0), (-1, 0), (0, 1), (1, 0), (0, -1))
"""Row and column that each action adds."""
TASKS = ("corner-1", "corner-2", "corner-3", "shelter")
SMALLEST, LARGEST = 9, 99
"""Cells on a side: below, the shelter would touch the wall."""
LONGEST = 100_000
"""Steps of an episode."""


@dataclass(frozen=True, eq=False)
class GridWorld:
    """A grid, its noise, the length of its episodes and where reward lies.

    Attributes:
        size: cells on a side, n.
        noise: probability of a gust in a step from outside the shelter, in [0, 1].
        horizon: steps of an episode, T.
        task: one of `TASKS`, or None for no reward anywhere.
        start: cell in the centre.
        hop: int64 (5, n * n), the cell that an action leads to; walls block.
        gust: int64 (17, n * n), where each pair of random unit moves leads; row 0 is no gust.
        exposed: int64 (n * n,), 0 in the shelter, 1 elsewhere.
        goal: bool (n * n,), the cells with reward 1.
    """

    size: int
    noise: float
    horizon: int
    task: str | None
    start: int
    hop: Wholes
    gust: Wholes
    exposed: Wholes
    goal: NDArray[np.bool_]

    @classmethod
    def build(cls, size: int, noise: float, horizon: int, task: str | None) -> GridWorld:
        """Validate the arguments that both environments take; see `EntropyGridEnv`.

        Raises:
            UserError: for an unknown task, or a size, noise or horizon out of range.
        """
        size = _whole("size", size, SMALLEST, LARGEST)
        horizon = _whole("horizon", horizon, 1, LONGEST)
        number = isinstance(noise, int | float | np.number) and not isinstance(noise, bool)
        if not number or not 0 <= noise <= 1:
            raise UserError(f"noise must be a probability in [0, 1], got {noise!r}.")
        if task is not None and task not in TASKS:
            raise unknown("task", str(task), TASKS)
        hop = np.stack([_moved(size, *step) for step in STEPS])
        pairs = [second[first] for first in hop[1:] for second in hop[1:]]
        sheltered = np.isin(np.arange(size * size), block(size, "shelter"))
        return cls(
            size=size,
            noise=float(noise),
            horizon=horizon,
            task=task,
            start=(size // 2) * size + size // 2,
            hop=hop,
            gust=np.stack([hop[0], *pairs]),
            exposed=(~sheltered).astype(np.int64),
            goal=np.isin(np.arange(size * size), block(size, task)),
        )

    @property
    def cells(self) -> int:
        """Number of cells, n * n."""
        return self.size * self.size

    @overload
    def step(self, cell: int, action: int, gust: int) -> int: ...
    @overload
    def step(self, cell: Wholes, action: Wholes, gust: Wholes) -> Wholes: ...
    def step(self, cell: int | Wholes, action: int | Wholes, gust: int | Wholes) -> int | Wholes:
        """The next cell: the action's move, then the gust unless the step began in the shelter.

        Args:
            cell: where the step begins.
            action: index into `ACTIONS`.
            gust: row of `gust`.
        """
        moved: int | Wholes = self.gust[gust * self.exposed[cell], self.hop[action, cell]]
        return moved

    def weather(self, rng: np.random.Generator) -> Wholes:
        """The gusts of one episode, int64 (T,) rows of `gust`, 0 where the air is still.

        One seed gives the same random numbers at any noise, and gusts of a lower noise
        are among those of a higher one.
        """
        blows = rng.random(self.horizon) < self.noise
        return np.where(blows, rng.integers(1, len(self.gust), self.horizon), 0)


def block(size: int, task: str | None) -> list[int]:
    """The 2 x 2 cells of a task's goal; none without a task."""
    first = {
        "corner-1": (0, 0),
        "corner-2": (0, size - 2),
        "corner-3": (size - 2, 0),
        "shelter": (size // 2 + 2, size // 2 + 2),
    }
    if task is None:
        return []
    row, column = first[task]
    return [(row + i) * size + column + j for i in (0, 1) for j in (0, 1)]


def _moved(size: int, down: int, right: int) -> Wholes:
    """Where one move leads from every cell, int64 (n * n,)."""
    row, column = np.divmod(np.arange(size * size), size)
    moved = np.clip(row + down, 0, size - 1) * size + np.clip(column + right, 0, size - 1)
    return np.asarray(moved, np.int64)


def _whole(name: str, value: object, low: int, high: int) -> int:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or not low <= value <= high:  # type: ignore[operator]
        raise UserError(f"{name} must be an integer from {low} to {high}, got {value!r}.")
    return int(value)  # type: ignore[call-overload, no-any-return]
