"""A method of one's own for shared parameters, in a single file: weights that two tasks want.

leapbench run sparsify/scenes examples/custom_masks.py:SecondOpinion
leapbench run sparsify/scenes examples/custom_masks.py:SecondOpinion --set seconds=3 --isolated
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from leapbench.contract.agent import LearningPhase
from leapbench.envs.sparsify.facts import Facts, coded
from leapbench.envs.sparsify.masks import shares, top


class SecondOpinion:
    """Keep a shared weight for the sake of the task that ranks it second or third highest.

    Args:
        seconds: whose opinion counts, 1 for DiSparse's union.
    """

    def __init__(self, seconds: int = 2) -> None:
        self.seconds = seconds

    def plan(self, facts: Facts) -> np.ndarray:
        """Before the first update, ask for every task's saliency over four batches."""
        self.facts = Facts(*facts)
        return coded(((0, "saliency", 4),))

    def keep(
        self, iteration: int, weights: np.ndarray, mask: np.ndarray, scores: np.ndarray
    ) -> np.ndarray:
        """The budget's worth of weights, by their ranks among what each task uses."""
        own = self.facts.own
        ranks = np.sort(shares(scores, own), axis=0)  # ascending over the tasks
        place = np.minimum(own.sum(0), self.seconds) - 1
        wanted = np.take_along_axis(ranks, place[None], axis=0)[0]
        return top(1 / wanted, self.facts.budget)

    def learn(self, phase: LearningPhase) -> None:
        """Nothing to learn before there is a network."""

    def save(self, folder: Path) -> None:
        """Nothing to write."""

    def load(self, folder: Path) -> None:
        """Nothing to restore."""
