"""Prioritised sampling (Schaul et al., 2016) with a tree of sums, for whole batches."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]
SMALL = 1e-5
"""Added to priorities before they divide, as in the released SPR code."""


class Priorities:
    """Rows are drawn in proportion to their priority to the power of alpha.

    Args:
        capacity: rows that fit.
        alpha: 0 for uniform sampling, 1 for proportional.
    """

    def __init__(self, capacity: int, alpha: float) -> None:
        self.alpha = alpha
        self._leaves = 1 << max(1, (capacity - 1).bit_length())
        self._depth = self._leaves.bit_length() - 1
        self.tree = np.zeros(2 * self._leaves)

    @property
    def total(self) -> float:
        """Sum over all rows."""
        return float(self.tree[1])

    def set(self, rows: Ints, priorities: NDArray[np.floating]) -> None:
        """Give rows int64 (B,) new priorities (B,); 0 for a row that is not drawn."""
        nodes = rows + self._leaves
        self.tree[nodes] = np.asarray(priorities, np.float64) ** self.alpha
        for _ in range(self._depth):
            nodes = nodes >> 1
            self.tree[nodes] = self.tree[2 * nodes] + self.tree[2 * nodes + 1]

    def draw(self, count: int, rng: np.random.Generator) -> tuple[Ints, Doubles]:
        """Rows int64 (count,) and their priorities to the power of alpha (count,)."""
        wanted = rng.random(count) * self.tree[1]
        nodes = np.ones(count, np.int64)
        for _ in range(self._depth):
            nodes <<= 1
            left = self.tree[nodes]
            right = (wanted >= left) & (self.tree[nodes + 1] > 0)
            wanted = np.where(right, wanted - left, wanted)
            nodes += right
        return nodes - self._leaves, self.tree[nodes]

    def state(self, count: int) -> Doubles:
        """Priorities to the power of alpha of the first `count` rows, a view."""
        return self.tree[self._leaves : self._leaves + count]

    def restore(self, leaves: Doubles) -> None:
        """Put what `state` gave in place."""
        self.tree[:] = 0
        self.tree[self._leaves : self._leaves + len(leaves)] = leaves
        level = self._leaves
        while level > 1:
            below = self.tree[level : 2 * level]
            self.tree[level // 2 : level] = below[::2] + below[1::2]
            level //= 2


def importance(priorities: Doubles, beta: float) -> NDArray[np.float32]:
    """Weights (B,) that undo the preference to the degree beta, the largest of them 1."""
    weights = (priorities + SMALL) ** -beta
    return np.asarray(weights / weights.max(), np.float32)
