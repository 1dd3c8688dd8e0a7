"""Filtered ranks of link prediction, as pykeen defines them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.knowledge.drawing import Floats, Ints


class Filter:
    """Which entities are known to be true for a head and relation, or a relation and tail.

    Args:
        triplets: int64 (N, 3), all that are known: of training, validation and test.
        side: 2 for tails, 0 for heads.
    """

    def __init__(self, triplets: Ints, side: int) -> None:
        self.side = side
        keys = self._keys(triplets)
        order = np.argsort(keys, kind="stable")
        self._sorted, self._answers = keys[order], triplets[order, side]

    def ranks(self, scores: Floats, asked: Ints) -> NDArray[np.float64]:
        """Realistic ranks (B,): the mean of the best and the worst place among equal scores.

        Other entities that are known to be true do not count (Bordes et al., 2013).

        Args:
            scores: (B, E), higher is better.
            asked: int64 (B, 3), the triplets, whose end at `side` is looked for.
        """
        rows = np.arange(len(asked))
        true = scores[rows, asked[:, self.side]][:, None]
        others = np.ones(scores.shape, bool)
        for row, key in zip(rows.tolist(), self._keys(asked).tolist(), strict=True):
            first, last = np.searchsorted(self._sorted, [key, key + 1])
            others[row, self._answers[first:last]] = False
        others[rows, asked[:, self.side]] = False
        above = ((scores > true) & others).sum(1)
        equal = ((scores == true) & others).sum(1)
        return np.asarray(1 + above + equal / 2, np.float64)

    def _keys(self, triplets: Ints) -> Ints:
        return triplets[:, 2 - self.side] * 2**31 + triplets[:, 1]


def summary(ranks: NDArray[np.float64]) -> dict[str, float]:
    """Mean reciprocal rank, and shares of ranks of at most 1, 3 and 10."""
    hits = {f"hits{k}": float((ranks <= k).mean()) for k in (1, 3, 10)}
    return {"mrr": float((1 / ranks).mean())} | hits
