"""Photographs that were taken already: a view is acquired by uncovering it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.activeview.cameras import Optics
from leapbench.envs.activeview.capture import Capture, Picture, Views
from leapbench.errors import UserError


@dataclass(frozen=True)
class Dataset:
    """One scene's photographs.

    Attributes:
        optics: of all of them.
        train: initial views and candidates.
        test: views that judge.
    """

    optics: Optics
    train: Views
    test: Views


@dataclass(frozen=True)
class Taken:
    """Uncovers photographs.

    Attributes:
        images: uint8 (V, H, W, 3), all of them.
        pool: int64 (C,), which of them the candidates are.
    """

    images: Picture
    pool: NDArray[np.int64]

    def __call__(self, index: int) -> Picture:
        """The photograph of a candidate, uint8 (H, W, 3)."""
        picture: Picture = self.images[self.pool[index]]
        return picture


@dataclass(frozen=True)
class Photographs:
    """Episodes on one data set; they differ in which views are initial.

    Attributes:
        dataset: the photographs.
        initial: number of initial views.
        candidates: number of candidates.
    """

    dataset: Dataset
    initial: int
    candidates: int

    @classmethod
    def of(cls, dataset: Dataset, initial: int, candidates: int, tests: int) -> Photographs:
        """Use at most `candidates` and, evenly over the file's order, `tests` photographs.

        Raises:
            UserError: for fewer photographs than initial views and one candidate.
        """
        count, left = len(dataset.test.poses), len(dataset.train.poses) - initial
        if left < 1:
            raise UserError(
                f"initial={initial}, but there are {len(dataset.train.poses)} photographs to "
                "learn from, and one at least must be a candidate."
            )
        chosen = np.arange(min(tests, count)) * count // min(tests, count)
        test = Views(dataset.test.images[chosen], dataset.test.poses[chosen])
        return cls(Dataset(dataset.optics, dataset.train, test), initial, min(candidates, left))

    @property
    def optics(self) -> Optics:
        """What all pictures share."""
        return self.dataset.optics

    def capture(self, rng: np.random.Generator) -> Capture:
        """Draw initial views and candidates, uniformly without replacement."""
        train = self.dataset.train
        order = rng.permutation(len(train.poses))
        first, pool = order[: self.initial], order[self.initial :][: self.candidates]
        return Capture(
            self.dataset.optics,
            Views(train.images[first], train.poses[first]),
            train.poses[pool],
            self.dataset.test,
            None,
            Taken(train.images, pool),
        )
