"""The observation: a flat float32 row of named columns, all in [0, 1].

Flat instead of a dictionary, because the columns that do not depend on the
episode are gathered from one table for all sub-environments at once, and
because any MLP policy reads it as it is.
"""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache
from typing import cast

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from leapbench.envs.exits.predictions import PredictionCache

TOP = 5
"""How many of the largest softmax values are shown."""


class ExitColumn(IntEnum):
    """Position of each quantity in an observation; k is the 0-based exit, C the costs."""

    EXIT = 0
    """k / (K - 1)."""
    TOP1 = 1
    """Largest softmax value at this exit (the confidence)."""
    TOP2 = 2
    """Second largest; 0 where there are fewer classes, as below."""
    TOP3 = 3
    """Third largest."""
    TOP4 = 4
    """Fourth largest."""
    TOP5 = 5
    """Fifth largest."""
    ENTROPY = 6
    """Entropy in units of log(classes)."""
    MARGIN = 7
    """TOP1 - TOP2."""
    AGREEMENT = 8
    """Consecutive earlier exits with the same prediction / (K - 1)."""
    SPENT = 9
    """C_k / C_K, what this sample has cost."""
    NEXT = 10
    """(C_{k+1} - C_k) / C_K, price of continuing; 0 at the last exit."""
    BUDGET = 11
    """The episode's budget per sample / C_K, at most 1."""
    REMAINING = 12
    """Unspent budget per sample not yet answered / C_K, at most 1."""
    PROGRESS = 13
    """Fraction of the stream that is answered."""


def space() -> spaces.Space[NDArray[np.float32]]:
    """Box of float32 (14,), every column in [0, 1]."""
    box = spaces.Box(0.0, 1.0, (len(ExitColumn),), np.float32)
    return cast("spaces.Space[NDArray[np.float32]]", box)


@lru_cache(maxsize=4)
def table(predictions: PredictionCache) -> NDArray[np.float32]:
    """Observations of a prediction cache with the episode's columns left at 0.

    All environments of one prediction cache share the table.

    Returns:
        Read-only float32 (N * K, 14); row `sample * K + exit`.
    """
    samples, exits, classes = predictions.probabilities.shape
    rows = np.zeros((samples, exits, len(ExitColumn)), np.float32)
    shown = min(TOP, classes)
    top = np.partition(predictions.probabilities, classes - shown, axis=2)[..., classes - shown :]
    rows[..., ExitColumn.TOP1 : ExitColumn.TOP1 + shown] = np.sort(top, axis=2)[..., ::-1]
    rows[..., ExitColumn.EXIT] = np.arange(exits) / (exits - 1)
    rows[..., ExitColumn.ENTROPY] = predictions.entropy
    rows[..., ExitColumn.MARGIN] = predictions.margin
    rows[..., ExitColumn.AGREEMENT] = predictions.streak / (exits - 1)
    rows[..., ExitColumn.SPENT] = predictions.costs / predictions.costs[-1]
    rows[..., ExitColumn.NEXT] = (
        np.diff(predictions.costs, append=predictions.costs[-1]) / predictions.costs[-1]
    )
    rows.flags.writeable = False
    return rows.reshape(samples * exits, len(ExitColumn))
