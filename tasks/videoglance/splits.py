"""Calibration clips, kept back from those that models train on."""

from __future__ import annotations

import numpy as np

from leapbench.envs.videoglance.needle import Clips
from leapbench.errors import UserError


def held_out(clips: Clips, calibration: int, seed: int) -> dict[str, Clips]:
    """Training and calibration clips of one pool.

    Raises:
        UserError: when none would be left to train on.
    """
    if not 0 < calibration < len(clips):
        raise UserError(f"{calibration} calibration clips cannot be kept back from {len(clips)}.")
    order = np.random.default_rng(seed).permutation(len(clips))
    chosen = {"calibration": np.sort(order[:calibration]), "train": np.sort(order[calibration:])}
    return {name: Clips(clips.frames[at], clips.labels[at]) for name, at in chosen.items()}
