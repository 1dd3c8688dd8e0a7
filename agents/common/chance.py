"""Uniformly random actions in any action space."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from leapbench.agents.common.practice import environment
from leapbench.agents.common.state import broken, require
from leapbench.contract.agent import LearningPhase
from leapbench.errors import UserError

RECORD = "agent.json"


class Chance:
    """Looks what actions there are, spends nothing and draws.

    Attributes:
        choices: how many actions there are, or 0 where they are numbers.
        size: how many numbers an action in [-1, 1] has, or 0 where it is a choice.
    """

    def __init__(self) -> None:
        self.choices, self.size = 0, 0
        self._restart(0)

    def learn(self, phase: LearningPhase) -> None:
        """See how many actions there are.

        Raises:
            UserError: when they are neither a choice nor numbers in a row.
        """
        space = environment(phase).single_action_space
        if isinstance(space, spaces.Discrete):
            self.choices, self.size = int(space.n), 0
        elif isinstance(space, spaces.Box) and len(space.shape) == 1:
            self.choices, self.size = 0, space.shape[0]
        else:
            raise UserError(f"Random actions need a choice or numbers in a row, got {space}.")
        self._restart(phase.seed)
        phase.report(1.0, "nothing to learn")

    def predict(
        self,
        observation: NDArray[Any],
        state: Any = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[Any], Any]:
        """Actions int64 (B,) or float32 (B, size), random in any case.

        Raises:
            UserError: before `learn` or `load`.
        """
        require(bool(self.choices or self.size), self)
        if self.choices:
            return self._rng.integers(self.choices, size=len(observation)), state
        shape = (len(observation), self.size)
        return self._rng.uniform(-1, 1, shape).astype(np.float32), state

    def save(self, folder: Path) -> None:
        """Write sizes and seed as JSON."""
        record = {"choices": self.choices, "size": self.size, "seed": self.seed}
        (folder / RECORD).write_text(json.dumps(record))

    def load(self, folder: Path) -> None:
        """Restore what `save` wrote.

        Raises:
            UserError: when it is absent or damaged.
        """
        try:
            record = json.loads((folder / RECORD).read_text())
            self.choices, self.size = int(record["choices"]), int(record["size"])
            self._restart(int(record["seed"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise broken(folder / RECORD, self, error) from error

    def _restart(self, seed: int) -> None:
        self.seed, self._rng = seed, np.random.default_rng([seed, 2])
