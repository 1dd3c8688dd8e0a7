"""A policy of one's own for the early-exit tasks, in a single file.

leapbench run earlyexit/digits examples/custom_agent.py:TwoStage
leapbench run earlyexit/digits l2w-den+examples/custom_agent.py:TwoStage --set safety=0.9
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from leapbench.contract.agent import LearningPhase
from leapbench.envs.exits.observation import ExitColumn


class TwoStage:
    """Send the least sure samples through the whole network, answer the others at exit 1.

    Args:
        safety: share of the budget that is planned with, in (0, 1].
    """

    family = "earlyexit"

    def __init__(self, safety: float = 1.0) -> None:
        self.safety = safety

    def learn(self, phase: LearningPhase) -> None:
        """Remember how sure the first exit is of calibration samples; spends no decisions."""
        predictions = phase.data
        self.first = float(predictions.costs[0] / predictions.costs[-1])
        self.sure = np.quantile(predictions.confidence[:, 0], np.linspace(0, 1, 101)).tolist()

    def predict(
        self,
        observation: np.ndarray,
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, Any]:
        """Actions (B,), 0 = exit and 1 = continue, for observations (B, 14)."""
        budget = self.safety * observation[:, ExitColumn.BUDGET]
        payable = np.clip((budget - self.first) / (1 - self.first), 0, 1)
        limit = np.interp(payable, np.linspace(0, 1, 101), self.sure)
        started = observation[:, ExitColumn.EXIT] > 0
        return (started | (observation[:, ExitColumn.TOP1] < limit)).astype(np.int64), state

    def save(self, folder: Path) -> None:
        """Write what `learn` found as JSON."""
        (folder / "policy.json").write_text(json.dumps({"first": self.first, "sure": self.sure}))

    def load(self, folder: Path) -> None:
        """Restore what `save` wrote."""
        vars(self).update(json.loads((folder / "policy.json").read_text()))
