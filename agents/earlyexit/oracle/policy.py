"""What could be had with the labels at hand."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.contract.agent import LearningPhase
from leapbench.envs.earlyexit.dynamics import CONTINUE, EXIT
from leapbench.envs.earlyexit.vector import EarlyExitVectorEnv
from leapbench.envs.exits.predictions import PredictionCache
from leapbench.errors import UserError

Wholes = NDArray[np.int64]


class Oracle(ABC):
    """Acts on the environment's prediction cache instead of the observation; learns nothing.

    The harness calls `bind` before the episodes; `predict` then answers for all of
    the bound environment's streams, in order.
    """

    privileged = True
    env: EarlyExitVectorEnv | None = None

    @abstractmethod
    def bind(self, env: EarlyExitVectorEnv) -> None:
        """Look into `env`; called after its `reset`."""

    @abstractmethod
    def target(self, env: EarlyExitVectorEnv) -> Wholes:
        """0-based exit from which each current sample should leave, int64 (B,)."""

    def learn(self, phase: LearningPhase) -> None:
        """Nothing to learn; spends no decisions."""
        phase.report(1.0, "nothing to learn")

    def predict(
        self,
        observation: NDArray[np.float32],
        state: Any = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = True,
    ) -> tuple[Wholes, Any]:
        """Exit (0) or continue (1) in each stream; see `leapbench.contract.agent.Policy.predict`.

        Raises:
            UserError: before `bind`.
        """
        env = self.env
        if env is None:
            raise UserError(
                f"{type(self).__name__} reads the answers from the environment itself.",
                "Call bind(env) on a reset EarlyExitVectorEnv first.",
            )
        return np.where(env.exit < self.target(env), CONTINUE, EXIT), state

    def save(self, folder: Path) -> None:  # noqa: B027 - an oracle has no state
        """Nothing to write."""

    def load(self, folder: Path) -> None:  # noqa: B027
        """Nothing to restore."""


class FirstCorrect(Oracle):
    """Leaves at the first right exit, or at once where none is right.

    The cheapest way to the highest accuracy that the network's exits hold, with
    no regard to the budget: a tight one runs out before the end of the stream.
    """

    def bind(self, env: EarlyExitVectorEnv) -> None:
        """See `Oracle.bind`."""
        self.env, self._first = env, first_correct(env.predictions)

    def target(self, env: EarlyExitVectorEnv) -> Wholes:
        """See `Oracle.target`."""
        return self._first[env.sample]


class Budgeted(Oracle):
    """The best accuracy that any policy could reach on the streams that were dealt.

    Every sample gets exit 1, and a right answer from a later one is worth 1 for
    its extra cost. With equal values, the knapsack is solved exactly by buying the
    cheapest first for as long as the budget lasts.
    """

    def bind(self, env: EarlyExitVectorEnv) -> None:
        """See `Oracle.bind`."""
        self.env, self._first = env, first_correct(env.predictions)
        self._plan = np.zeros((env.num_envs, env.world.length), np.int64)

    def target(self, env: EarlyExitVectorEnv) -> Wholes:
        """See `Oracle.target`; plans each stream that has just been dealt."""
        streams = env.streams
        for index in np.flatnonzero((streams.position == 0) & (streams.exit == 0)).tolist():
            first = self._first[streams.order(index)]
            self._plan[index] = plan(first, env.predictions.costs, int(streams.budget[index]))
        at = np.minimum(streams.position, env.world.length - 1)
        return np.asarray(self._plan[np.arange(env.num_envs), at])


def first_correct(predictions: PredictionCache) -> Wholes:
    """First right exit of each sample, 0 where none is right, int64 (N,)."""
    return np.asarray(predictions.correct.argmax(axis=1))


def plan(first: Wholes, costs: Wholes, budget: int) -> Wholes:
    """Exits that give the most right answers within a stream's budget.

    Args:
        first: int64 (n,), first right exit of each sample, 0 where none is.
        costs: int64 (K,), cumulative multiply-adds.
        budget: multiply-adds per sample.

    Returns:
        int64 (n,): `first` for the samples that are bought, 0 for the others.
    """
    extra = costs[first] - costs[0]
    cheapest = np.argsort(extra, kind="stable")
    bought = np.empty(len(first), np.bool_)
    bought[cheapest] = extra[cheapest].cumsum() <= len(first) * (budget - costs[0])
    return np.where(bought, first, 0)
