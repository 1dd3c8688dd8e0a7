"""The rules, once: what the single and the vector environment both compute with.

Every method below takes Python integers or int64 arrays alike. All amounts are
integers below 2**53, so both kinds divide to the same float64.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.earlyexit.observation import table
from leapbench.envs.earlyexit.predictions import MAX_COST, PredictionCache
from leapbench.envs.earlyexit.reference import SPLITS, load_reference
from leapbench.errors import UserError, unknown

EXIT, CONTINUE = 0, 1
"""The two actions."""
CLOSED = 2**62
"""Price of going on from the last exit: more than any budget."""

Flags = NDArray[np.bool_]
Wholes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class StreamWorld:
    """A prediction cache, the length of its streams and their budgets.

    Attributes:
        predictions: what the exits say.
        length: samples in a stream, n.
        budgets: multiply-adds per sample, one of which is drawn each episode.
        observations: float32 (N * K, 14), row `sample * K + exit`.
        correct: bool (N * K,), whether the answer there is right.
        prices: int64 (K,), multiply-adds to the next exit; `CLOSED` at the last.
        first: multiply-adds of the first exit, C_1.
        full: multiply-adds of the last exit, C_K.
    """

    predictions: PredictionCache
    length: int
    budgets: tuple[int, ...]
    observations: NDArray[np.float32]
    correct: NDArray[np.bool_]
    prices: NDArray[np.int64]
    first: int
    full: int

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
        if not isinstance(stream, int | np.integer) or stream < 1:
            raise UserError(f"stream must be an integer, 1 sample or more, got {stream!r}.")
        first, full = int(predictions.costs[0]), int(predictions.costs[-1])
        if budget is None:
            budget = default_budgets(first, full)
        world = cls(
            predictions,
            length=min(int(stream), predictions.samples),
            budgets=tuple(budget) if isinstance(budget, list | tuple) else (budget,),
            observations=table(predictions),
            correct=predictions.correct.reshape(-1),
            prices=np.append(np.diff(predictions.costs), CLOSED),
            first=first,
            full=full,
        )
        world.prices.flags.writeable = world.correct.flags.writeable = False
        if not world.budgets:
            raise UserError("budget must name one amount or more, got none.")
        for amount in world.budgets:
            world.check_budget(amount)
        return world

    def __deepcopy__(self, memo: dict[int, Any]) -> StreamWorld:
        return self  # read-only

    def __reduce__(self) -> tuple[Any, ...]:
        """Built again: its tables are larger than the predictions, and shared."""
        return StreamWorld.build, (self.predictions, "", "", self.length, self.budgets)

    def check_budget(self, budget: object) -> int:
        """`budget` as an int, if streams can be run under it.

        Raises:
            UserError: when it is no integer, cannot pay for one first exit in a
                whole stream, or is too large to count exactly.
        """
        lowest, highest = -(-self.first // self.length), MAX_COST // self.length
        if (
            not isinstance(budget, int | np.integer)
            or isinstance(budget, bool)
            or not lowest <= budget <= highest
        ):
            raise UserError(
                f"budget must be an integer from {lowest} to {highest} multiply-adds "
                f"per sample, got {budget!r}.",
                f"The first exit costs {self.first}, the last {self.full}.",
            )
        return int(budget)

    def asked_budget(self, options: Mapping[str, Any] | None) -> Any:
        """The "budget" of the options given to `reset`, unchecked; None without one.

        Raises:
            UserError: for any other option.
        """
        for name in options or ():
            if name != "budget":
                raise unknown("reset option", str(name), ["budget"])
        return (options or {}).get("budget")

    def deal(self, rng: np.random.Generator, budget: int | None) -> tuple[NDArray[np.int64], int]:
        """Draw a stream, then a budget, so that one seed means one stream under any budget.

        Args:
            rng: the episode's source of randomness.
            budget: checked multiply-adds per sample; None draws one of `budgets`.

        Returns:
            int64 (n,) samples without repetition, and multiply-adds per sample.
        """
        order = rng.choice(self.predictions.samples, self.length, replace=False)
        if budget is None:
            budget = int(self.budgets[rng.integers(len(self.budgets))])
        return order, budget

    def answerable(self, budget: int) -> int:
        """Samples of a stream whose first exit `budget` per sample can pay for."""
        return min(self.length, self.length * budget // self.first)

    @overload
    def granted(self, asked: bool, remaining: int, price: int, position: int) -> bool: ...
    @overload
    def granted(
        self, asked: Flags, remaining: Wholes, price: Wholes, position: Wholes
    ) -> Flags: ...
    def granted(self, asked: Any, remaining: Any, price: Any, position: Any) -> Any:
        """Whether going on is paid for: all later samples must still reach exit 1.

        Args:
            asked: whether the action is `CONTINUE`.
            remaining: unspent budget, multiply-adds.
            price: multiply-adds to the next exit.
            position: samples answered before this one.
        """
        reserve = self.first * (self.length - 1 - position)
        return asked & (remaining - price >= reserve)

    @overload
    def share(self, remaining: int, position: int) -> float: ...
    @overload
    def share(self, remaining: Wholes, position: Wholes) -> NDArray[np.float64]: ...
    def share(self, remaining: Any, position: Any) -> Any:
        """Unspent budget per sample not yet answered, in units of C_K, not clipped."""
        left = self.length - position
        return remaining / ((left + (left == 0)) * self.full)

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


def default_budgets(first: int, full: int) -> tuple[int, ...]:
    """Six budgets per sample, evenly spaced from C_1 to 0.9 C_K multiply-adds."""
    span = max(0, full * 9 // 10 - first)
    return tuple(first + span * step // 5 for step in range(6))
