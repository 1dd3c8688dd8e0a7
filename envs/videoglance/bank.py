"""Banks: what a reading network says of every cube of every clip, computed once.

A bank replaces the network in the environment: a look costs a table row, a running maximum
and one linear map. Features are whole numbers of 8 bits and so are the map's weights, as in
a quantised network, so that sums are exact and do not depend on how many clips are looked at
together. NumPy only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.exits.predictions import MAX_COST, PredictionCache
from leapbench.envs.videoglance.grid import CubeGrid
from leapbench.errors import UserError

MAPS = ("activity", "evidence", "motion")
"""Coarse maps of the glance: mean activation, largest class logit, difference of frames."""
EXACT = 512
"""Features up to which products of 8-bit numbers sum exactly in single precision."""
Footage = Callable[[int], NDArray[np.uint8]]
"""Frames uint8 (T, H, W) or (T, H, W, 3) of a clip by its index, for pictures alone."""


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Bank:
    """Outputs of a reading network on N labelled clips and C cubes each; read-only.

    Attributes:
        glance: uint8 (N, F), features after the glance.
        cubes: uint8 (N, C, F), features of each cube.
        weight: int8 (F, classes), the linear map.
        scale: what its products are multiplied by.
        bias: float32 (classes,).
        maps: uint8 (N, C, 3), the glance's coarse maps at each cube; see `MAPS`.
        order: int16 (N, C), cubes in the order in which the model would look at them.
        labels: int64 (N,), class of each clip.
        overlap: float32 (N, C), share of the true tube in each cube, 0 where none is known.
        grid: where the cubes are.
        first: multiply-adds of the glance and of the answer from it.
        look: multiply-adds of one cube and of the answer after it.
        looks: cubes in the all-cubes cost, K.
        name: shown in pictures and errors.
        footage: frames of a clip; None where there are none to draw.

    Raises:
        UserError: on construction, when shapes, types or ranges do not fit.
    """

    glance: NDArray[np.uint8]
    cubes: NDArray[np.uint8]
    weight: NDArray[np.int8]
    scale: float
    bias: NDArray[np.float32]
    maps: NDArray[np.uint8]
    order: NDArray[np.int16]
    labels: NDArray[np.int64]
    overlap: NDArray[np.float32]
    grid: CubeGrid
    first: int
    look: int
    looks: int
    name: str = "bank"
    footage: Footage | None = None

    def __post_init__(self) -> None:
        samples, cubes, features = _shape(self)
        classes = np.shape(self.bias)[0] if np.ndim(self.bias) == 1 else 0
        wanted: dict[str, tuple[str, tuple[int, ...]]] = {
            "glance": ("u1", (samples, features)),
            "cubes": ("u1", (samples, cubes, features)),
            "weight": ("i1", (features, classes)),
            "bias": ("f4", (classes,)),
            "maps": ("u1", (samples, cubes, len(MAPS))),
            "order": ("i2", (samples, cubes)),
            "labels": ("i8", (samples,)),
            "overlap": ("f4", (samples, cubes)),
        }
        for field, (dtype, shape) in wanted.items():
            array = np.asarray(getattr(self, field))
            if array.dtype != np.dtype(dtype) or array.shape != shape:
                raise UserError(
                    f"{field} of a bank must be {np.dtype(dtype)} of shape {shape}, "
                    f"got {array.dtype} of shape {array.shape}."
                )
            view = np.ascontiguousarray(array).view()
            view.flags.writeable = False
            object.__setattr__(self, field, view)
        _require_ranges(self, classes)

    def __repr__(self) -> str:
        return f"Bank({self.name!r}, samples={self.samples}, cubes={self.grid.cubes})"

    def __deepcopy__(self, memo: dict[int, Any]) -> Bank:
        return self  # read-only, and Gymnasium deep-copies the arguments of `make`

    def __reduce__(self) -> tuple[Any, ...]:
        """Made again, so that it is read-only there too."""
        return partial(
            type(self), **{each.name: getattr(self, each.name) for each in fields(self)}
        ), ()

    @property
    def samples(self) -> int:
        """Number of clips, N."""
        return len(self.labels)

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.bias)

    @property
    def full(self) -> int:
        """Multiply-adds of the glance and `looks` cubes: the all-cubes cost."""
        return self.first + self.looks * self.look

    def head(self, count: int) -> Bank:
        """The bank of the first clips alone."""
        return self._cut(slice(count))

    def part(self, clips: NDArray[np.int64]) -> Bank:
        """The bank of some clips, int64 (n,), alone; without footage, which goes by index."""
        return replace(self._cut(clips), footage=None)

    def _cut(self, clips: slice | NDArray[np.int64]) -> Bank:
        some = ("glance", "cubes", "maps", "order", "labels", "overlap")
        return replace(self, **{name: getattr(self, name)[clips] for name in some})

    def blind(self) -> Bank:
        """The bank without what only an oracle may know: where the object is."""
        return replace(self, overlap=np.zeros_like(self.overlap))

    def save(self, path: Path | str) -> None:
        """Write the bank alone, without its footage; see `leapbench.envs.videoglance.files`."""
        from leapbench.envs.videoglance.files import save

        save(path, {"bank": self})

    @classmethod
    def load(cls, path: Path) -> Bank:
        """Read what `save` wrote.

        Raises:
            UserError: when the file is absent or is not of a bank.
        """
        from leapbench.envs.videoglance.files import load

        return load(path)["bank"]

    @cached_property
    def _map(self) -> NDArray[np.floating]:
        kind = np.float32 if len(self.weight) <= EXACT else np.float64
        return self.weight.astype(kind)

    def probabilities(self, features: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Softmax of the linear map, float32 (B, classes), from uint8 (B, F).

        Each row is the same to the last bit whatever stands beside it.
        """
        sums = features.astype(self._map.dtype) @ self._map  # exact, in any order of terms
        logits = sums.astype(np.float32) * np.float32(self.scale) + self.bias
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(odds / odds.cumsum(axis=1)[:, -1:])  # one after the other

    def ladder(self, order: NDArray[np.integer[Any]] | None = None) -> PredictionCache:
        """What an exit rule sees if cubes are looked at in a given order.

        Args:
            order: (N, K) cubes; None for the first K of the model's own.

        Returns:
            K + 1 exits: after the glance, and after each cube.
        """
        taken = self.order[:, : self.looks] if order is None else order
        seen, rows = self.glance, [self.probabilities(self.glance)]
        clips = np.arange(self.samples)
        for k in range(taken.shape[1]):
            seen = np.maximum(seen, self.cubes[clips, taken[:, k]])
            rows.append(self.probabilities(seen))
        costs = self.first + self.look * np.arange(taken.shape[1] + 1, dtype=np.int64)
        return PredictionCache(np.stack(rows, 1), self.labels, costs, self.name)


def _shape(bank: Bank) -> tuple[int, int, int]:
    if np.ndim(bank.cubes) != 3 or 0 in np.shape(bank.cubes):
        raise UserError(f"cubes of a bank have 3 axes, got {np.shape(bank.cubes)}.")
    samples, cubes, features = np.shape(bank.cubes)
    if cubes != bank.grid.cubes:
        raise UserError(f"The grid has {bank.grid.cubes} cubes, the bank {cubes}.")
    return samples, cubes, features


def _require_ranges(bank: Bank, classes: int) -> None:
    cubes = bank.grid.cubes
    if classes < 2 or bank.labels.min() < 0 or bank.labels.max() >= classes:
        raise UserError(f"labels of a bank lie in [0, {classes}), for 2 classes or more.")
    if not (np.sort(bank.order, axis=1) == np.arange(cubes)).all():
        raise UserError("order of a bank must name every cube once for each clip.")
    if not (np.isfinite(bank.bias).all() and np.isfinite(bank.scale)):
        raise UserError("scale and bias of a bank must be finite.")
    if not (bank.overlap.min() >= 0 and bank.overlap.max() <= 1):
        raise UserError("overlap of a bank lies in [0, 1].")
    if bank.looks < 1 or bank.looks > cubes or bank.first < 1 or bank.look < 1:
        raise UserError("A bank's costs are positive, and it has from 1 to C looks.")
    if (bank.first + cubes * bank.look) * bank.samples > MAX_COST:
        raise UserError("The multiply-adds of a bank are too many to be counted exactly.")
