"""A clip's volume cut into overlapping cubes of space and time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray

from leapbench.errors import UserError

Triple = tuple[int, int, int]


@dataclass(frozen=True)
class CubeGrid:
    """Cubes of one size at evenly spaced places.

    Attributes:
        volume: frames, rows and columns of a clip.
        cube: frames, rows and columns of a cube.
        counts: places along each axis; cube index is (time * rows + row) * columns + column.

    Raises:
        UserError: for sizes below 1, a cube that does not fit, or several places along an
            axis that the cube fills.
    """

    volume: Triple
    cube: Triple
    counts: Triple

    def __post_init__(self) -> None:
        for name in ("volume", "cube", "counts"):
            object.__setattr__(self, name, tuple(int(n) for n in getattr(self, name)))
        for axis, (whole, part, places) in enumerate(
            zip(self.volume, self.cube, self.counts, strict=True)
        ):
            if not (1 <= part <= whole and 1 <= places <= whole - part + 1):
                raise UserError(
                    f"{places} places of {part} in {whole} along axis {axis} are no grid of cubes."
                )

    @property
    def cubes(self) -> int:
        """Number of cubes, C."""
        return int(np.prod(self.counts))

    @cached_property
    def places(self) -> NDArray[np.int64]:
        """int64 (C, 3), each cube's place along time, rows and columns."""
        return np.array(list(product(*(range(n) for n in self.counts))), np.int64)

    @cached_property
    def origins(self) -> NDArray[np.int64]:
        """int64 (C, 3), first frame, row and column of each cube."""
        return np.asarray(np.rint(self.fractions * self.free).astype(np.int64))

    @cached_property
    def free(self) -> NDArray[np.int64]:
        """int64 (3,), how far an origin can move: volume minus cube."""
        return np.subtract(self.volume, self.cube, dtype=np.int64)

    @cached_property
    def fractions(self) -> NDArray[np.float64]:
        """float64 (C, 3), each cube's origin as a fraction of `free`, in [0, 1]; 0.5 for one."""
        steps = np.array(self.counts) - 1
        return np.where(steps > 0, self.places / np.maximum(steps, 1), 0.5)

    def nearest(self, fractions: NDArray[np.floating]) -> NDArray[np.int64]:
        """Cube whose origin is nearest.

        Args:
            fractions: (..., 3), origins as fractions of `free`, clipped to [0, 1].

        Returns:
            int64 (...).
        """
        steps = np.array(self.counts) - 1
        at = np.rint(np.clip(fractions, 0.0, 1.0) * steps).astype(np.int64)
        return np.asarray((at[..., 0] * self.counts[1] + at[..., 1]) * self.counts[2] + at[..., 2])

    @cached_property
    def tiles(self) -> tuple[int, ...]:
        """The fewest cubes that cover the volume, by index."""
        axes = [_cover(self, axis) for axis in range(3)]
        _, y, x = self.counts
        return tuple((i * y + j) * x + k for i, j, k in product(*axes))

    def overlap(
        self, first: NDArray[np.floating], last: NDArray[np.floating]
    ) -> NDArray[np.float32]:
        """Share of a box that each cube holds.

        Args:
            first: (N, 3), first frame, row and column of each clip's box.
            last: (N, 3), one behind the last.

        Returns:
            float32 (N, C), in [0, 1].
        """
        low = np.maximum(self.origins, first[:, None])
        high = np.minimum(self.origins + np.array(self.cube), last[:, None])
        shared = np.prod(np.maximum(high - low, 0.0), axis=2)
        return np.asarray(shared / np.prod(last - first, axis=1)[:, None], np.float32)


def _cover(grid: CubeGrid, axis: int) -> Sequence[int]:
    """The fewest places along an axis that leave no gap."""
    steps = grid.counts[axis] - 1
    origins = [round(i / max(1, steps) * int(grid.free[axis])) for i in range(steps + 1)]
    chosen, end = [0], grid.cube[axis]
    while end < grid.volume[axis]:
        reached = max(i for i, origin in enumerate(origins) if origin <= end)
        if origins[reached] + grid.cube[axis] <= end:
            raise UserError(f"Cubes of {grid.cube} at {grid.counts} places leave gaps.")
        chosen.append(reached)
        end = origins[reached] + grid.cube[axis]
    return chosen
