"""A linear regulator towards the goal of the point world."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.contract.agent import LearningPhase
from leapbench.envs.urlb.point.dynamics import DRAG, GOALS, SCALE
from leapbench.errors import UserError

EFFORT = 1e-3
"""Cost of a full action's square, where that of a distance of 1 is 1."""
ROUNDS = 2000
"""Riccati steps, far beyond convergence."""


class Guided:
    """Acts by the linear-quadratic regulator of the point, without kicks and limits.

    The harness calls `bind` before the episodes. Learns nothing and spends nothing.
    Without a goal it stands still.
    """

    privileged = True
    goal: tuple[float, float] | None = None
    gains: NDArray[np.float64] | None = None

    def bind(self, env: Any) -> None:
        """Look at the goal and the gain of `env`, an `EntropyPointVectorEnv` under wrappers."""
        world = env.unwrapped.world
        self.goal = GOALS[world.task] if world.task else None
        self.gains = regulator(world.gain)

    def learn(self, phase: LearningPhase) -> None:
        """Nothing to learn."""
        phase.report(1.0, "nothing to learn")

    def predict(
        self,
        observation: NDArray[np.float32],
        state: None = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[np.float64], None]:
        """Actions (B, 2) towards the goal, for observations (B, 4).

        Raises:
            UserError: before `bind`.
        """
        if self.gains is None:
            raise UserError(
                "Guided reads the goal from the environment itself.", "Call bind(env) first."
            )
        seen = np.asarray(observation, np.float64)
        away = -seen[:, :2] if self.goal is None else self.goal - seen[:, :2]
        strength = 0.0 if self.goal is None else self.gains[0]
        push = strength * away - self.gains[1] * seen[:, 2:] / SCALE
        return np.clip(push, -1, 1), None

    def save(self, folder: Path) -> None:
        """Nothing to write."""

    def load(self, folder: Path) -> None:
        """Nothing to restore."""


def regulator(gain: float) -> NDArray[np.float64]:
    """Gains of place and velocity, float64 (2,), by iterating the Riccati equation.

    The system along an axis is v' = 0.8 v + gain a, p' = p + v'.
    """
    a = np.array([[1, DRAG], [0, DRAG]])
    b = np.array([[gain], [gain]])
    cost = np.diag([1.0, 0.0])
    value = cost
    for _ in range(ROUNDS):
        gains = np.linalg.solve(EFFORT + b.T @ value @ b, b.T @ value @ a)
        value = cost + a.T @ value @ (a - b @ gains)
    return np.asarray(gains[0])
