"""Rows in an order that says nothing of where they came from."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def once(rows: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Each row once, in the order of their bytes, and where each row given is among them."""
    size = int(np.prod(rows.shape[1:])) * rows.itemsize
    keys = np.ascontiguousarray(rows).reshape(-1).view(np.dtype((np.void, size)))
    _, first, place = np.unique(keys, return_index=True, return_inverse=True)
    return rows[first], place.reshape(-1)
