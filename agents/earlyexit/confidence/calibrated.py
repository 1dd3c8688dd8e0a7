"""Confidence after temperature scaling of each exit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.agents.common.exits.grid import ScorePolicy, exit_of
from leapbench.agents.common.exits.thresholds import Floats
from leapbench.contract.agent import LearningPhase
from leapbench.envs.exits.observation import TOP, ExitColumn

_TINY = 1e-7
"""Softmax values below this are taken for it: cached ones may be half precision."""
_COLDEST, _HOTTEST = 20.0, 0.05
"""Range of the inverse temperature."""


class Calibrated(ScorePolicy):
    """Largest softmax value at the temperature that fits the calibration labels.

    Temperature scaling (Guo et al., ICML 2017), one temperature an exit. A policy
    sees the five largest softmax values, so the rest of the mass is taken as
    spread evenly over the classes not seen. Thresholds are solved for each exit
    apart, so the temperature matters only as far as it changes the *order* of the
    samples, which it does where they differ in the values after the first.

    Attributes:
        inverse: float64 (K,), inverse temperature of each exit.
        unseen: number of classes beyond the five largest.
    """

    inverse: NDArray[np.float64]
    unseen: int

    def fit(self, phase: LearningPhase, budgets: Sequence[int]) -> NDArray[np.float64]:
        """Fit the temperatures, then the thresholds; see `ScorePolicy.fit`."""
        predictions = phase.data
        outputs = (predictions.probabilities[:, k] for k in range(predictions.exits))
        self.inverse = np.array([inverse_temperature(p, predictions.labels) for p in outputs])
        self.unseen = max(0, predictions.classes - TOP)
        return super().fit(phase, budgets)

    def score(self, observation: NDArray[np.float32]) -> Floats:
        """In [0, 1]; see `ScorePolicy.score`."""
        beta = self.inverse[exit_of(observation, len(self.inverse))]
        top = observation[..., ExitColumn.TOP1 : ExitColumn.TOP5 + 1].astype(np.float64)
        rest = np.maximum(0.0, 1.0 - top.sum(axis=-1)) / max(1, self.unseen)
        powers = top ** beta[..., None]
        total = powers.sum(axis=-1) + self.unseen * rest**beta
        return np.asarray(powers[..., 0] / total)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """See `GridPolicy.arrays`."""
        return super().arrays() | {"inverse": self.inverse, "unseen": np.array(self.unseen)}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """See `GridPolicy.restore`."""
        super().restore(arrays)
        self.inverse, self.unseen = arrays["inverse"], int(arrays["unseen"])


def inverse_temperature(
    probabilities: NDArray[np.float32], labels: NDArray[np.int64], rounds: int = 40
) -> float:
    """Inverse temperature with the least negative log-likelihood.

    The likelihood is convex in it, so the root of its slope is bisected.

    Args:
        probabilities: float32 (N, classes), softmax values.
        labels: int64 (N,).
        rounds: halvings of the logarithmic range.

    Returns:
        A value in [0.05, 20]; above 1 where the exit is under-confident.
    """
    logits = np.log(np.maximum(probabilities, _TINY).astype(np.float64))
    target = logits[np.arange(len(labels)), labels].mean()
    low, high = np.log(_HOTTEST), np.log(_COLDEST)
    for _ in range(rounds):
        middle = (low + high) / 2
        odds = np.exp(np.exp(middle) * (logits - logits.max(axis=1, keepdims=True)))
        expected = ((odds * logits).sum(axis=1) / odds.sum(axis=1)).mean()
        low, high = (low, middle) if expected > target else (middle, high)
    return float(np.exp((low + high) / 2))
