"""Gymnasium spaces as JSON data, so that a network can be built again without its world."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import Space, spaces
from numpy.typing import NDArray

from leapbench.errors import UserError

LEAST = 36
"""Height and width in pixels that the library's network for pictures needs."""


def described(space: Space[Any]) -> dict[str, Any]:
    """A space as JSON data.

    Raises:
        UserError: for one that is neither a box nor choices.
    """
    if isinstance(space, spaces.Box):
        ends = {"low": _bound(space.low), "high": _bound(space.high)}
        return {"kind": "box", "shape": list(space.shape), "dtype": str(space.dtype)} | ends
    if isinstance(space, spaces.Discrete):
        return {"kind": "choice", "count": int(space.n), "start": int(space.start)}
    if isinstance(space, spaces.MultiDiscrete) and space.nvec.ndim == 1:
        return {"kind": "choices", "counts": [int(n) for n in space.nvec]}
    if isinstance(space, spaces.MultiBinary) and isinstance(space.n, int | np.integer):
        return {"kind": "bits", "count": int(space.n)}
    raise UserError(
        f"A generalist reads boxes and choices, got {space}.",
        "Wrap the world so that it has one of these.",
    )


def built(record: dict[str, Any]) -> Space[Any]:
    """The space of what `described` gave; a KeyError, TypeError or ValueError for other data."""
    kind = record["kind"]
    if kind == "box":
        dtype, shape = np.dtype(record["dtype"]), tuple(int(n) for n in record["shape"])
        ends = (np.broadcast_to(_number(record[end]), shape) for end in ("low", "high"))
        low, high = (end.astype(dtype) for end in ends)
        return spaces.Box(low, high, shape, dtype.type)
    if kind == "choice":
        return spaces.Discrete(int(record["count"]), start=int(record["start"]))
    if kind == "choices":
        return spaces.MultiDiscrete([int(n) for n in record["counts"]])
    if kind == "bits":
        return spaces.MultiBinary(int(record["count"]))
    raise ValueError(f"{kind!r} is no kind of space")


def picture(space: Space[Any]) -> bool:
    """Whether a space is of pixels that the library's network for pictures takes."""
    if not isinstance(space, spaces.Box) or space.dtype != np.uint8 or len(space.shape) != 3:
        return False
    return sorted(space.shape)[1] >= LEAST


def _bound(values: NDArray[Any]) -> Any:
    """One text where all are equal, else one for each; texts keep infinity."""
    if values.size and np.all(values == values.flat[0]):
        return repr(float(values.flat[0]))
    return np.vectorize(lambda value: repr(float(value)), otypes=[object])(values).tolist()


def _number(record: Any) -> NDArray[np.float64]:
    return np.asarray(record, dtype=np.str_).astype(np.float64)
