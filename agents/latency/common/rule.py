"""Policies by a rule, which learn nothing."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.agents.common.state import broken
from leapbench.contract.agent import LearningPhase

RECORD = "rule.json"


class Rule(ABC):
    """A choice from the observation alone; its settings are all that is saved."""

    @abstractmethod
    def choose(self, observation: NDArray[np.float32]) -> NDArray[np.int64]:
        """Actions int64 (B,)."""

    def learn(self, phase: LearningPhase) -> None:
        """Nothing to learn."""
        phase.report(1.0, "nothing to learn")

    def predict(
        self,
        observation: NDArray[np.float32],
        state: Any = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[np.int64], Any]:
        """Actions int64 (B,)."""
        return np.asarray(self.choose(np.asarray(observation))), state

    def save(self, folder: Path) -> None:
        """Write the settings as JSON."""
        (folder / RECORD).write_text(json.dumps(vars(self)) + "\n", encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Restore what `save` wrote.

        Raises:
            UserError: when it is absent or damaged.
        """
        try:
            own = json.loads((folder / RECORD).read_text(encoding="utf-8"))
            vars(self).update({name: own[name] for name in vars(self)})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise broken(folder / RECORD, self, error) from error
