"""Scores as strata: the runs of each task, of equal number or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from leapbench.leaderboards.statistics.interval import Floats

Scores = Floats | Sequence[ArrayLike] | Sequence[float]


@dataclass(frozen=True)
class Strata:
    """Runs by task, in one array.

    Attributes:
        values: float64 (n,), the runs of the first task, of the second, and so on.
        sizes: number of runs of each of the T tasks; each positive.
    """

    values: Floats
    sizes: tuple[int, ...]

    @classmethod
    def of(cls, scores: Scores, *, sort: bool = True) -> Strata:
        """Read scores.

        Args:
            scores: float64 (R, T), runs by tasks; or (R,), the runs of one task;
                or a sequence of T one-dimensional arrays of different lengths.
            sort: put the runs of each task in ascending order. What is drawn then
                does not depend on the order in which they came.

        Raises:
            ValueError: when a score is missing or not finite, or there is none.
        """
        tasks = _tasks(scores)
        if not tasks or not all(task.ndim == 1 and task.size for task in tasks):
            raise ValueError("scores must be (runs, tasks), or one array of runs a task, not empty")
        values = np.concatenate([np.sort(task) if sort else task for task in tasks])
        if not np.isfinite(values).all():
            raise ValueError("scores must be finite: a missing run is left out, not NaN")
        return cls(values, tuple(task.size for task in tasks))

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Where each task starts in `values`, and where the last one ends; T + 1 numbers."""
        return (0, *np.cumsum(self.sizes).tolist())

    @property
    def tasks(self) -> list[Floats]:
        """The runs of each task, T arrays."""
        return [self.values[a:b] for a, b in pairwise(self.starts)]

    @property
    def means(self) -> Floats:
        """Mean of each task, float64 (T,)."""
        return np.array([task.mean() for task in self.tasks])

    @property
    def single(self) -> bool:
        """Whether some task has one run only, so that its spread is unknown."""
        return min(self.sizes) < 2


def _tasks(scores: Scores) -> list[Floats]:
    """One float64 array a task."""
    if isinstance(scores, np.ndarray):
        if scores.ndim > 2:
            raise ValueError(f"scores must be (runs, tasks), got shape {scores.shape}")
        table = np.asarray(scores, np.float64)
        return [table] if table.ndim < 2 else list(table.T)
    if all(np.ndim(item) == 0 for item in scores):
        return [np.asarray(scores, np.float64)]
    return [np.asarray(item, np.float64) for item in scores]
