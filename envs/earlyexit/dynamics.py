"""The rules, once: what the single and the vector environment both compute with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.earlyexit.reference import SPLITS, load_reference
from leapbench.envs.exits.budget import StreamBudget, check_length, default_budgets
from leapbench.envs.exits.observation import table
from leapbench.envs.exits.predictions import PredictionCache
from leapbench.errors import unknown

EXIT, CONTINUE = 0, 1
"""The two actions."""
CLOSED = 2**62
"""Price of going on from the last exit: more than any budget."""


@dataclass(frozen=True, eq=False, kw_only=True)
class StreamWorld(StreamBudget):
    """A prediction cache, the length of its streams and their budgets.

    Attributes:
        predictions: what the exits say.
        observations: float32 (N * K, 14), row `sample * K + exit`.
        correct: bool (N * K,), whether the answer there is right.
        prices: int64 (K,), multiply-adds to the next exit; `CLOSED` at the last.
    """

    predictions: PredictionCache
    observations: NDArray[np.float32]
    correct: NDArray[np.bool_]
    prices: NDArray[np.int64]

    @classmethod
    def build(
        cls,
        predictions: PredictionCache | None,
        data: str,
        split: str,
        stream: int,
        budget: int | tuple[int, ...] | None,
    ) -> StreamWorld:
        """Validate the arguments that both environments take; see `EarlyExitEnv`.

        Raises:
            UserError: for an unknown data set or split, or a length or budget out of range.
        """
        if predictions is None:
            if split not in SPLITS:
                raise unknown("split", split, SPLITS)
            predictions = load_reference(data)[SPLITS.index(split)]
        length = check_length(stream, predictions.samples)
        first, full = int(predictions.costs[0]), int(predictions.costs[-1])
        if budget is None:
            budget = default_budgets(first, full)
        world = cls(
            predictions=predictions,
            samples=predictions.samples,
            length=length,
            budgets=tuple(budget) if isinstance(budget, list | tuple) else (budget,),
            observations=table(predictions),
            correct=predictions.correct.reshape(-1),
            prices=np.append(np.diff(predictions.costs), CLOSED),
            first=first,
            full=full,
        )
        world.prices.flags.writeable = world.correct.flags.writeable = False
        world.check_budgets()
        return world

    def __deepcopy__(self, memo: dict[int, Any]) -> StreamWorld:
        return self  # read-only

    def __reduce__(self) -> tuple[Any, ...]:
        """Built again: its tables are larger than the predictions, and shared."""
        return StreamWorld.build, (self.predictions, "", "", self.length, self.budgets)

    def summary(
        self, answers: NDArray[np.int16], budget: int, remaining: int, forced: int
    ) -> dict[str, Any]:
        """The final info of an episode.

        Args:
            answers: int16, `2 * exit + correct` of each answered sample, in order.
            budget: multiply-adds per sample.
            remaining: unspent multiply-adds.
            forced: times that `CONTINUE` could not be paid.
        """
        total = self.length * budget
        return {
            "accuracy": int((answers & 1).sum()) / self.length,
            "spent": total - remaining,
            "budget": total,
            "exits": np.bincount(answers >> 1, minlength=self.predictions.exits),
            "forced": forced,
            "unanswered": self.length - len(answers),
        }
