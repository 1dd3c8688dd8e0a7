"""Actions of `leapbench/PretrainControl-v0` that are methods."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.pretrain.control import KNOBS, POINTS, action_of

__all__ = ["KNOBS", "POINTS", "action"]


def action(point: str, rate: float = 0.0) -> NDArray[np.float32]:
    """The action float32 (9,) of a method, with its learning rate moved.

    Args:
        point: one of `POINTS`.
        rate: from -1 (a quarter) to 1 (four times).
    """
    made = action_of(point)
    made[KNOBS.index("rate")] = np.clip(rate, -1, 1)
    return made
