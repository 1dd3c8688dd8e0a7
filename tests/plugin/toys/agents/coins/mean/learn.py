"""Estimates the share of heads."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from leapbench.contract.agent import LearningPhase


class Mean:
    """Running mean of the labels.

    Args:
        passes: over the data, as far as the budget pays.
    """

    def __init__(self, passes: int = 1) -> None:
        self.passes, self.network = passes, 0.5

    def learn(self, phase: LearningPhase) -> None:
        rng, seen = np.random.default_rng(phase.seed), []
        for _ in range(min(self.passes, phase.data.passes)):
            seen += [labels for _, labels in phase.data.epoch(phase.settings["batch"], rng)]
        self.network = float(np.concatenate(seen).mean())

    def save(self, folder: Path) -> None:
        (folder / "mean.json").write_text(json.dumps({"mean": self.network}))

    def load(self, folder: Path) -> None:
        self.network = json.loads((folder / "mean.json").read_text())["mean"]
