"""Q tables as lists of rows: single updates are faster on them than on arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Rows = list[list[float]]
Floats = NDArray[np.float64]


def update(
    table: Rows, cell: int, action: int, reward: float, arrived: int, rate: float, discount: float
) -> None:
    """Q(s, a) += rate * (r + discount * max Q(s', .) - Q(s, a)), in place."""
    row = table[cell]
    row[action] += rate * (reward + discount * max(table[arrived]) - row[action])


def best(values: Sequence[float], prior: Sequence[float]) -> int:
    """The action with the largest value; among equals, with the largest prior."""
    top = max(values)
    return max(
        (i for i, value in enumerate(values) if value == top), key=lambda action: prior[action]
    )


def best_of(values: Floats, prior: Floats) -> NDArray[np.int64]:
    """`best` for a batch: values and prior float64 (B, A) to actions int64 (B,)."""
    tied = values == values.max(axis=1, keepdims=True)
    return np.asarray(np.where(tied, prior, -np.inf).argmax(axis=1))
