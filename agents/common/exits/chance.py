"""Random exits with the exit shares of the confidence thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.agents.common.exits.grid import Flags, GridPolicy
from leapbench.agents.common.exits.thresholds import leave, solve
from leapbench.contract.agent import LearningPhase


class Random(GridPolicy):
    """Leaves exit k with the probability that matches confidence's exit shares.

    Both cost the same on average, so what `confidence` gains over this policy is
    gained by knowing which samples are easy. The draws come from the phase's seed
    and restart with `learn` and `load`.
    """

    seed: int
    _rng: np.random.Generator

    def fit(self, phase: LearningPhase, budgets: Sequence[int]) -> NDArray[np.float64]:
        """Probability of leaving on arrival at each exit, float64 (G, K)."""
        self._restart(phase.seed)
        predictions = phase.data
        rows = []
        for budget in budgets:
            taken = leave(
                predictions.confidence, solve(predictions.confidence, predictions.costs, budget)
            )
            rows.append(hazard(np.bincount(taken, minlength=predictions.exits)))
        return np.stack(rows)

    def stay(
        self, observation: NDArray[np.float32], exit: NDArray[np.int64], row: NDArray[np.float64]
    ) -> Flags:
        """Continue by a coin of the exit's own; see `GridPolicy.stay`."""
        leaving = np.take_along_axis(row, exit[:, None], axis=1)[:, 0]
        return np.asarray(self._rng.random(len(exit)) >= leaving)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """See `GridPolicy.arrays`."""
        return super().arrays() | {"seed": np.array(self.seed)}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """See `GridPolicy.restore`."""
        super().restore(arrays)
        self._restart(int(arrays["seed"]))

    def _restart(self, seed: int) -> None:
        self.seed, self._rng = seed, np.random.default_rng(seed)


def hazard(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Probability of leaving at each exit, given that it was reached.

    Args:
        counts: int64 (K,), samples that leave at each exit.

    Returns:
        float64 (K,), 1 at exits that nobody goes beyond.
    """
    reached = counts[::-1].cumsum()[::-1]
    return np.where(reached > counts, counts / np.maximum(reached, 1), 1.0)
