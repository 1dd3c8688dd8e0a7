"""Patience-based early exit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from leapbench.agents.common.exits.grid import Flags, GridPolicy
from leapbench.contract.agent import LearningPhase
from leapbench.envs.exits.observation import ExitColumn
from leapbench.envs.exits.predictions import PredictionCache


class Patience(GridPolicy):
    """Leaves after t exits in a row that agree with the one before (PABEE, NeurIPS 2020).

    The published rule has one whole number t, from 0 (leave at once) to K - 1
    (all exits agree), so that only K costs can be had: at each budget, the t with
    the best calibration accuracy among those that it affords.
    """

    def fit(self, phase: LearningPhase, budgets: Sequence[int]) -> NDArray[np.float64]:
        """The patience of each budget, float64 (G, 1)."""
        tried = [outcome(phase.data, patience) for patience in range(phase.data.exits)]
        rows = []
        for budget in budgets:
            affordable = [t for t, (_, cost) in enumerate(tried) if cost <= budget]
            rows.append([float(max(affordable, key=lambda t: tried[t][0], default=0))])
        return np.array(rows)

    def stay(
        self, observation: NDArray[np.float32], exit: NDArray[np.int64], row: NDArray[np.float64]
    ) -> Flags:
        """Continue until enough exits agree; see `GridPolicy.stay`."""
        streak = np.rint(observation[:, ExitColumn.AGREEMENT] * (self.exits - 1))
        return np.asarray(streak < row[:, 0])


def outcome(predictions: PredictionCache, patience: int) -> tuple[float, float]:
    """Accuracy in [0, 1] and multiply-adds per sample on a prediction cache at one patience."""
    done = predictions.streak >= patience
    done[:, -1] = True
    exit = done.argmax(axis=1)
    right = predictions.correct[np.arange(predictions.samples), exit]
    return float(right.mean()), float(predictions.costs[exit].mean())
