"""Random actions of any space."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import Space
from numpy.typing import NDArray

from leapbench.agents.common.general.spaces import built, described
from leapbench.agents.common.practice import environment
from leapbench.agents.common.state import broken, require
from leapbench.contract.agent import LearningPhase

RECORD = "agent.json"


class Random:
    """Looks what actions there are, spends nothing and draws.

    Attributes:
        space: of one action; None until learned.
    """

    space: Space[Any] | None = None
    seed = 0

    def learn(self, phase: LearningPhase) -> None:
        """See what actions there are.

        Raises:
            UserError: when there is no environment, or for an action that is neither numbers
                nor choices.
        """
        self._restart(described(environment(phase).single_action_space), phase.seed)
        phase.report(1.0, "nothing to learn")

    def predict(
        self,
        observation: NDArray[Any],
        state: Any = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[Any], Any]:
        """Actions (B, *action shape) of the space's dtype, random in any case.

        Raises:
            UserError: before `learn` or `load`.
        """
        require(self.space is not None, self)
        assert self.space is not None  # noqa: S101 - for the type checker
        return np.array([self.space.sample() for _ in observation]), state

    def save(self, folder: Path) -> None:
        """Write space and seed as JSON.

        Raises:
            UserError: before `learn` or `load`.
        """
        require(self.space is not None, self)
        assert self.space is not None  # noqa: S101 - for the type checker
        record = {"space": described(self.space), "seed": self.seed}
        (folder / RECORD).write_text(json.dumps(record), encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Restore what `save` wrote.

        Raises:
            UserError: when it is absent or damaged.
        """
        try:
            record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
            self._restart(record["space"], int(record["seed"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise broken(folder / RECORD, self, error) from error

    def _restart(self, record: dict[str, Any], seed: int) -> None:
        self.space, self.seed = built(record), seed
        self.space.seed(seed)
