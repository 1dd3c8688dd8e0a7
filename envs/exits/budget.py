"""The budget of a stream of samples, shared by the worlds in which an answer may be given early.

Every method takes Python integers or int64 arrays alike. All amounts are integers
below 2**53, so both kinds divide to the same float64.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, overload

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.exits.predictions import MAX_COST
from leapbench.errors import UserError, unknown

Flags = NDArray[np.bool_]
Wholes = NDArray[np.int64]


@dataclass(frozen=True, eq=False, kw_only=True)
class StreamBudget:
    """One total budget for a stream of samples, each of which costs `first` on arrival.

    Attributes:
        samples: samples to draw streams from, N.
        length: samples in a stream, n.
        budgets: multiply-adds per sample, one of which is drawn each episode.
        first: multiply-adds of the least that a sample costs, C_1.
        full: multiply-adds that shares are in units of, C_K.
        words: a sample and its first and last amount in messages.
    """

    words: ClassVar[tuple[str, str, str]] = ("sample", "The first exit costs", "the last")

    samples: int
    length: int
    budgets: tuple[int, ...]
    first: int
    full: int

    def check_budgets(self) -> None:
        """Refuse a grid of budgets under which no stream can be run.

        Raises:
            UserError: when there is none, or one is out of range.
        """
        if not self.budgets:
            raise UserError("budget must name one amount or more, got none.")
        for amount in self.budgets:
            self.check_budget(amount)

    def check_budget(self, budget: object) -> int:
        """`budget` as an int, if streams can be run under it.

        Raises:
            UserError: when it is no integer, cannot pay for one first exit in a
                whole stream, or is too large to count exactly.
        """
        each, least, most = self.words
        lowest, highest = -(-self.first // self.length), MAX_COST // self.length
        if (
            not isinstance(budget, int | np.integer)
            or isinstance(budget, bool)
            or not lowest <= budget <= highest
        ):
            raise UserError(
                f"budget must be an integer from {lowest} to {highest} multiply-adds "
                f"per {each}, got {budget!r}.",
                f"{least} {self.first}, {most} {self.full}.",
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
        order = rng.choice(self.samples, self.length, replace=False)
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
        """Whether going on is paid for: all later samples must still be paid for on arrival.

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


def check_length(stream: object, samples: int) -> int:
    """Samples in a stream: `stream`, or all there are.

    Raises:
        UserError: when it is no integer of 1 or more.
    """
    if not isinstance(stream, int | np.integer) or isinstance(stream, bool) or stream < 1:
        raise UserError(f"stream must be an integer, 1 sample or more, got {stream!r}.")
    return min(int(stream), samples)


def default_budgets(first: int, full: int) -> tuple[int, ...]:
    """Six budgets per sample, evenly spaced from C_1 to 0.9 C_K multiply-adds."""
    span = max(0, full * 9 // 10 - first)
    return tuple(first + span * step // 5 for step in range(6))
