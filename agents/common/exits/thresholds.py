"""Thresholds that make a calibration set leave at wanted rates, for any score.

MSDNet's budgeted batch classification (Huang et al., ICLR 2018, section 4.3), as
the code released with L2W-DEN evaluates it. Two corner cases differ from that code: an
exit whose quota exceeds the samples still there takes all of them (the released code
closes it, so that they pile up at the end), and a quota of 0 closes the exit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Wholes = NDArray[np.int64]

_EXTREME = 40.0
"""|log p| at which all of the float64 shares' mass lies on one exit."""
_ROUNDING = 1e-9
"""Keeps n * q from falling below the integer that it is."""


def shares(log_p: float, exits: int) -> NDArray[np.float64]:
    """Target share of samples at each exit, q_k proportional to p**k.

    Args:
        log_p: log of p; negative favours early exits.
        exits: K.

    Returns:
        float64 (K,), summing to 1.
    """
    exponents = log_p * np.arange(exits)
    odds = np.exp(exponents - exponents.max())
    return np.asarray(odds / odds.sum())


def thresholds(score: Floats, share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores from which a sample leaves, so that each exit takes its share.

    The floor(N * q_k) surest of the samples still there leave at exit k, and with
    them all samples as sure as the last of these, so ties never raise the cost.

    Args:
        score: (N, K), higher is surer.
        share: float64 (K,), target share of each exit.

    Returns:
        float64 (K,): inf closes an exit, -inf lets everyone leave, as at the last.
    """
    samples, exits = score.shape
    quota = np.floor(samples * share + _ROUNDING).astype(np.int64)
    limits = np.full(exits, np.inf)
    staying = np.ones(samples, np.bool_)
    for k in range(exits - 1):
        left = score[staying, k]
        if quota[k] >= len(left):
            limits[k] = -np.inf
        elif quota[k] > 0:
            limits[k] = np.partition(left, -quota[k])[-quota[k]]
        staying &= score[:, k] < limits[k]
    limits[-1] = -np.inf
    return limits


def leave(score: Floats, limits: NDArray[np.float64]) -> Wholes:
    """First exit at which each sample's score reaches the limit.

    Args:
        score: (N, K).
        limits: float64 (K,), with -inf at the last exit.

    Returns:
        int64 (N,), 0-based exits.
    """
    return np.asarray((score >= limits).argmax(axis=1))


def solve(score: Floats, costs: Wholes, budget: int, rounds: int = 60) -> NDArray[np.float64]:
    """Thresholds whose mean cost on the calibration set comes closest under a budget.

    Bisects log p. The cost grows with p up to the rounding of the quotas; whatever
    that does, the result is the most costly of the affordable thresholds that were tried.

    Args:
        score: (N, K), higher is surer.
        costs: int64 (K,), cumulative multiply-adds of each exit.
        budget: multiply-adds per sample.
        rounds: halvings of the range of log p.

    Returns:
        float64 (K,) as from `thresholds`. Below the cost of the first exit nothing
        is affordable; everyone then leaves there.
    """
    samples, exits = score.shape
    total = budget * samples
    best, most = thresholds(score, shares(-_EXTREME, exits)), -1
    if budget >= costs[-1]:
        return thresholds(score, shares(_EXTREME, exits))
    low, high = -_EXTREME, _EXTREME
    for _ in range(rounds):
        middle = (low + high) / 2
        limits = thresholds(score, shares(middle, exits))
        spent = int(costs[leave(score, limits)].sum())
        if spent > total:
            high = middle
            continue
        low = middle
        if spent > most:
            best, most = limits, spent
    return best
