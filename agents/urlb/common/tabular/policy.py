"""The life of a tabular agent: explore without reward, fine-tune, act, be saved."""

from __future__ import annotations

import zipfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.agents.urlb.common.tabular.finetune import Tuning, Warm, finetune
from leapbench.agents.urlb.common.tabular.tables import Floats, best_of
from leapbench.agents.urlb.common.tabular.transitions import sizes
from leapbench.contract.agent import LearningPhase
from leapbench.errors import UserError

FILE = "tables.npz"
REWARD_FREE = "pretrain"
"""Name of the phase without reward; any other fine-tunes."""


class Tabular(ABC):
    """Learns tables over numbered observations; see the subclasses for what without reward.

    Args:
        warmup: share of the fine-tuning budget spent on the warm-up, in [0, 1].
        task_rate: learning rate of the task's table, in (0, 1].
        discount: in [0, 1).
        replay: extra updates a fine-tuning step, on stored steps.
        task_epsilon: share of random actions after the warm-up, in [0, 1].

    Attributes:
        shape: cells and actions; (0, 0) until something was learned.
        seed: seed of the last phase; random actions of `predict` follow from it.
        table: float64 (cells, actions) of the task; empty until fine-tuned.
        way: which of the pre-trained ways breaks the table's ties.
    """

    def __init__(
        self,
        warmup: float = 0.4,
        task_rate: float = 0.3,
        discount: float = 0.95,
        replay: int = 8,
        task_epsilon: float = 0.1,
    ) -> None:
        self.tuning = Tuning(warmup, task_rate, discount, replay, task_epsilon)
        self.shape = (0, 0)
        self.table = np.zeros(self.shape)
        self.way = 0
        self._restart(0)

    @abstractmethod
    def explore(self, phase: LearningPhase) -> None:
        """Learn what can be learned without reward; may leave the budget unspent."""

    @abstractmethod
    def warm(self, seed: int) -> Warm:
        """How to act at the beginning of fine-tuning.

        Args:
            seed: of the random actions.
        """

    @abstractmethod
    def wander(self, cell: NDArray[np.int64], time: NDArray[np.int64]) -> NDArray[np.int64]:
        """Actions int64 (B,) before fine-tuning, for int64 (B,) cells and times."""

    def learn(self, phase: LearningPhase) -> None:
        """Explore in the phase called "pretrain"; fine-tune in any other."""
        self.shape = sizes(phase)
        if phase.name == REWARD_FREE:
            self.explore(phase)
        else:
            self.table, self.way = finetune(phase, self.warm(phase.seed), self.shape, self.tuning)
        self._restart(phase.seed)
        phase.report(1.0, f"{phase.meter.used} {phase.meter.budget.unit} used")

    def predict(
        self,
        observation: NDArray[np.int64],
        state: NDArray[np.int64] | None = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Actions for a batch of cells; see `leapbench.contract.agent.Policy.predict`.

        The state is the time in each episode. Fine-tuned agents act greedily, whatever
        `deterministic` says; before that they act as they do while they explore.

        Raises:
            UserError: before `learn` or `load`.
        """
        self._require()
        time = np.zeros(len(observation), np.int64) if state is None else state
        if episode_start is not None:
            time = np.where(episode_start, 0, time)
        if not self.table.size:
            return self.wander(observation, time), time + 1
        prior = self.prior()
        tied = self._rng.random((len(observation), self.shape[1]))
        preference = tied if prior is None else prior[self.way][observation]
        return best_of(self.table[observation], preference), time + 1

    def prior(self) -> Floats | None:
        """Preference of each way among equal values, float64 (ways, cells, actions); or chance."""
        return None

    def random(self, count: int) -> Floats:
        """Uniform numbers in [0, 1), float64 (count,)."""
        return self._rng.random(count)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What was learned, by name; `save` writes it and `restore` reads it."""
        named = {"shape": self.shape, "seed": self.seed, "way": self.way}
        return {k: np.array(v) for k, v in named.items()} | {"table": self.table}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take over what `arrays` gave."""
        cells, actions = arrays["shape"].tolist()
        self.shape, self.way, self.table = (cells, actions), int(arrays["way"]), arrays["table"]
        self._restart(int(arrays["seed"]))

    def save(self, folder: Path) -> None:
        """Write `tables.npz`, without pickled objects.

        Raises:
            UserError: before `learn` or `load`.
        """
        self._require()
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
        except (KeyError, ValueError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
            name = type(self).__name__
            raise UserError(
                f"{path} holds no {name}: {error}.", f"{name}.save(folder) writes one."
            ) from error

    def _require(self) -> None:
        if self.shape == (0, 0):
            raise UserError(
                f"{type(self).__name__} has nothing learned yet.",
                "Call learn(phase) or load(folder) first.",
            )

    def _restart(self, seed: int) -> None:
        self.seed, self._rng = seed, np.random.default_rng([seed, 2])
