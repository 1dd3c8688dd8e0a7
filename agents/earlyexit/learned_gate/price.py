"""One price of compute: continue wherever the gain is worth it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leapbench.agents.common.exits.thresholds import Floats, Wholes


def rates(chances: Floats, costs: Wholes) -> NDArray[np.float64]:
    """Best gain in accuracy per compute that continuing is predicted to bring.

    Args:
        chances: (N, K, K), at [:, k, j] the predicted chance that exit j is right,
            given what is known at exit k.
        costs: int64 (K,), cumulative multiply-adds.

    Returns:
        float64 (N, K): the largest over j > k of (chance_j - chance_k) / (C_j - C_k),
        in units of 1 / C_K; -inf at the last exit.
    """
    share = costs / costs[-1]
    now = np.diagonal(chances, axis1=1, axis2=2)
    price = share[None, :] - share[:, None]
    later = price > 0
    gain = (chances - now[:, :, None]) / np.where(later, price, 1.0)
    return np.asarray(np.where(later, gain, -np.inf).max(axis=2))


def solve_price(rate: NDArray[np.float64], costs: Wholes, budget: int) -> float:
    """Lowest price at which the calibration set's mean cost is within a budget.

    This is the Lagrange multiplier of "accuracy subject to cost". A sample leaves
    at the first exit whose rate is not above the price, so the cost falls as the
    price rises, in steps at the rates themselves; these are bisected.

    Args:
        rate: float64 (N, K) as from `rates`.
        costs: int64 (K,), cumulative multiply-adds.
        budget: multiply-adds per sample.

    Returns:
        A price, 0 or more, in units of accuracy per C_K. At the highest rate
        everyone leaves at the first exit.
    """
    total = budget * len(rate)
    steps = np.unique(np.append(np.maximum(rate[:, :-1], 0.0), 0.0))
    low, high = 0, len(steps) - 1
    while low < high:
        middle = (low + high) // 2
        spent = int(costs[(rate <= steps[middle]).argmax(axis=1)].sum())
        low, high = (low, middle) if spent <= total else (middle + 1, high)
    return float(steps[low])
