"""Value iteration over the world's own transition probabilities."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.contract.agent import LearningPhase
from leapbench.envs.urlb.grid import solve
from leapbench.errors import UserError


class Optimal:
    """Acts by the finite-horizon optimum of the environment that it is bound to.

    The harness calls `bind` before the episodes. Learns nothing and spends nothing.
    """

    privileged = True
    actions: NDArray[np.int64] | None = None

    def bind(self, env: Any) -> None:
        """Solve the world of `env`, an `EntropyGridVectorEnv` under wrappers or not."""
        _, self.actions = solve.optimal(env.unwrapped.world)

    def learn(self, phase: LearningPhase) -> None:
        """Nothing to learn."""
        phase.report(1.0, "nothing to learn")

    def predict(
        self,
        observation: NDArray[np.int64],
        state: NDArray[np.int64] | None = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The best actions int64 (B,) in cells int64 (B,); the state is the time.

        Raises:
            UserError: before `bind`.
        """
        if self.actions is None:
            raise UserError(
                "Optimal reads the dynamics from the environment itself.",
                "Call bind(env) first.",
            )
        time = np.zeros(len(observation), np.int64) if state is None else state
        if episode_start is not None:
            time = np.where(episode_start, 0, time)
        last = len(self.actions) - 1
        return self.actions[np.minimum(time, last), observation], time + 1

    def save(self, folder: Path) -> None:
        """Nothing to write."""

    def load(self, folder: Path) -> None:
        """Nothing to restore."""
