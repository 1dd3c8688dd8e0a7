"""Data of a phase that stays where it is counted, and is asked for piece by piece."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol, runtime_checkable

from numpy.typing import NDArray

Piece = tuple[dict[str, Any], list[NDArray[Any]]]
"""JSON data, and arrays of numbers or truth values."""


@runtime_checkable
class Served(Protocol):
    """What an isolated agent has a stand-in for.

    Attributes:
        guest: "module:Class" of the stand-in. Its module is among `Harness.shared`; it is
            made as `Class(ask, meter, record, arrays)`: what asks `answer`, a copy of the meter,
            and what `told` returns.
    """

    guest: ClassVar[str]

    def told(self) -> Piece:
        """What the stand-in is made with."""

    def answer(self, record: dict[str, Any], arrays: list[NDArray[Any]]) -> Piece:
        """Answer a question of the stand-in, which is not to be trusted, and count it.

        Raises:
            BudgetExceeded: when the budget does not pay for it.
            UserError: for what is no question.
        """
