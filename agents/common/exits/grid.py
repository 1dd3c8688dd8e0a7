"""Policies that keep one row of settings for each budget of the protocol's grid."""

from __future__ import annotations

import zipfile
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.agents.common.exits.thresholds import Floats, solve
from leapbench.agents.common.state import broken, require
from leapbench.contract.agent import LearningPhase
from leapbench.envs.exits.observation import ExitColumn, table
from leapbench.envs.exits.predictions import PredictionCache

Flags = NDArray[np.bool_]
EXIT, CONTINUE = 0, 1
"""Actions of the families in which there are only two."""
FILE = "policy.npz"


def observations(predictions: PredictionCache) -> NDArray[np.float32]:
    """What a policy sees of every sample at every exit, float32 (N, K, 14).

    The columns of the episode (budget, remaining, progress) are 0.
    """
    return table(predictions).reshape(predictions.samples, predictions.exits, len(ExitColumn))


class GridPolicy(ABC):
    """Solved offline on the calibration predictions, once for each budget; spends no decisions.

    When acting, each row of the observation uses the settings of the budget
    nearest to its own, read from `ExitColumn.BUDGET`. Families whose observations begin
    with `ExitColumn` share the rules; where going on is more than one action, they
    override `ladder` and `chosen`.

    Attributes:
        exits: K, 0 until learned.
        budgets: float64 (G,), budget per sample / C_K, at most 1, ascending.
        table: float64 (G, W), settings of each budget.
    """

    exits: int = 0
    budgets: NDArray[np.float64]
    table: NDArray[np.float64]

    @abstractmethod
    def fit(self, phase: LearningPhase, budgets: Sequence[int]) -> NDArray[np.float64]:
        """Settings for each of `budgets` (multiply-adds per sample), float64 (G, W)."""

    @abstractmethod
    def stay(
        self, observation: NDArray[np.float32], exit: NDArray[np.int64], row: NDArray[np.float64]
    ) -> Flags:
        """Whether to continue, bool (B,).

        Args:
            observation: float32 (B, 14).
            exit: int64 (B,), 0-based exit of each row.
            row: float64 (B, W), the settings of each row's budget.
        """

    def ladder(self, phase: LearningPhase) -> PredictionCache:
        """What each exit says of the calibration samples; by default the data of the phase."""
        predictions: PredictionCache = phase.data
        return predictions

    def at(self, observation: NDArray[np.float32]) -> NDArray[np.int64]:
        """0-based exit of each observation, int64 (B,)."""
        return exit_of(observation, self.exits)

    def chosen(self, observation: NDArray[np.float32], stay: Flags) -> NDArray[np.int64]:
        """Actions int64 (B,) that go on where `stay` and leave elsewhere."""
        return np.where(stay, CONTINUE, EXIT)

    def learn(self, phase: LearningPhase) -> None:
        """Solve for every budget of `phase.settings["budgets"]` on the predictions of `ladder`."""
        predictions = self.ladder(phase)
        phase = replace(phase, data=predictions)
        budgets = sorted(int(budget) for budget in phase.settings["budgets"])
        self.exits = predictions.exits
        self.budgets = np.minimum(1.0, np.array(budgets) / predictions.costs[-1])
        self.table = self.fit(phase, budgets)
        phase.report(1.0, f"{len(budgets)} budgets solved on {predictions.samples} samples")

    def predict(
        self,
        observation: NDArray[np.float32],
        state: Any = None,
        episode_start: Flags | None = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[np.int64], Any]:
        """Leave or go on, for a batch; see `leapbench.contract.agent.Policy.predict`.

        Raises:
            UserError: before `learn` or `load`.
        """
        require(self.exits > 0, self)
        distance = np.abs(observation[:, ExitColumn.BUDGET, None] - self.budgets)
        row = self.table[distance.argmin(axis=1)]
        exit = self.at(observation)
        stay = self.stay(observation, exit, row) & (exit < self.exits - 1)
        return self.chosen(observation, stay), state

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What was learned, by name; `save` writes it and `restore` reads it."""
        return {"exits": np.array(self.exits), "budgets": self.budgets, "table": self.table}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take over what `arrays` gave."""
        self.exits = int(arrays["exits"])
        self.budgets, self.table = arrays["budgets"], arrays["table"]

    def save(self, folder: Path) -> None:
        """Write `policy.npz`, without pickled objects.

        Raises:
            UserError: before `learn` or `load`.
        """
        require(self.exits > 0, self)
        np.savez(folder / FILE, allow_pickle=False, **self.arrays())

    def load(self, folder: Path) -> None:
        """Restore what `save` wrote.

        Raises:
            UserError: when the file is absent or is not of this policy.
        """
        path = folder / FILE
        try:
            with np.load(path, allow_pickle=False) as file:
                self.restore({name: file[name] for name in file.files})
        except (KeyError, ValueError, TypeError, OSError, zipfile.BadZipFile) as error:
            raise broken(path, self, error) from error


class ScorePolicy(GridPolicy):
    """Leaves as soon as a score of sureness reaches the exit's threshold."""

    @abstractmethod
    def score(self, observation: NDArray[np.float32]) -> Floats:
        """Sureness, higher is surer.

        Args:
            observation: float32 (..., 14).

        Returns:
            Floats of shape (...).
        """

    def fit(self, phase: LearningPhase, budgets: Sequence[int]) -> NDArray[np.float64]:
        """Thresholds of each exit, float64 (G, K)."""
        score = self.score(observations(phase.data))
        return np.stack([solve(score, phase.data.costs, budget) for budget in budgets])

    def stay(
        self, observation: NDArray[np.float32], exit: NDArray[np.int64], row: NDArray[np.float64]
    ) -> Flags:
        """Continue below the threshold; see `GridPolicy.stay`."""
        limit = np.take_along_axis(row, exit[:, None], axis=1)[:, 0]
        return np.asarray(self.score(observation) < limit)


def exit_of(observation: NDArray[np.float32], exits: int) -> NDArray[np.int64]:
    """0-based exit of each observation, int64 (...) from float32 (..., 14)."""
    return np.rint(observation[..., ExitColumn.EXIT] * (exits - 1)).astype(np.int64)
