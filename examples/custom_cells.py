"""Masks of one's own for the latency tasks, in a single file: compute where the image is active.

leapbench run latency/needle resnet+examples/custom_cells.py:Active
leapbench run latency/needle resnet+examples/custom_cells.py:Active --set share=0.5
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from leapbench.contract.agent import LearningPhase
from leapbench.envs.latency.budget.observation import Layout
from leapbench.envs.latency.budget.world import LEVELS


class Active:
    """Keep a share of the cells of every block, those whose input is largest.

    It has no network of its own, so that the model's runs, which never saw a mask.

    Args:
        share: of the cells, in (0, 1].
    """

    def __init__(self, share: float = 0.3) -> None:
        self.share, self.cells = share, np.zeros(0, int)

    def learn(self, phase: LearningPhase) -> None:
        """How many cells each block has; `phase.data` holds images to learn from as well."""
        self.cells = np.array(phase.data.network.shape.cells) ** 2

    def predict(self, observation, state=None, episode_start=None, deterministic=True):
        """A mask for the next block of every stream."""
        at = Layout(len(self.cells), len(LEVELS), int(self.cells.max()))
        masks = np.zeros((len(observation), at.cells), np.int8)
        for row, mask in zip(observation, masks, strict=True):
            count = self.cells[row[at.block].argmax()]
            best = np.argsort(-row[at.energy][:count], kind="stable")
            mask[best[: int(np.ceil(self.share * count))]] = 1
        return masks, state

    def save(self, folder: Path) -> None:
        np.savez(folder / "cells.npz", cells=self.cells)

    def load(self, folder: Path) -> None:
        with np.load(folder / "cells.npz") as kept:
            self.cells = kept["cells"]
