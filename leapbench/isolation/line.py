"""The guest's line to the host, and its copy of the host's meter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from leapbench.errors import BudgetExceeded, InvalidAction, UserError
from leapbench.isolation.channel import Channel, Message

_ERRORS = {kind.__name__: kind for kind in (BudgetExceeded, InvalidAction, UserError)}


class HostLine:
    """Requests to the host while the agent learns.

    Args:
        channel: the guest's end.
        meter: told of what the host says is used.
    """

    def __init__(self, channel: Channel, meter: MeterView) -> None:
        self._channel, self._meter = channel, meter

    def tell(self, call: str, **fields: Any) -> None:
        """Send what has no answer."""
        self._channel.send({"call": call, **fields})

    def ask(self, call: str, arrays: Sequence[np.ndarray] = (), **fields: Any) -> Message:
        """Send a request and wait for the answer.

        Raises:
            BudgetExceeded: as the host's meter raised it; other refusals are
                InvalidAction, UserError or RuntimeError.
        """
        self._channel.send({"call": call, **fields}, arrays)
        answer = self._channel.receive()
        self._meter.used = answer.header.get("used", self._meter.used)
        if "raised" in answer.header:
            error: Any = _ERRORS.get(answer.header["raised"], RuntimeError)(answer.header["text"])
            error.of_host = answer.header["number"]
            raise error
        return answer


class BudgetView(NamedTuple):
    """Unit and limit of a budget."""

    unit: str
    limit: int


class MeterView:
    """A copy of the host's meter; changing it changes nothing there."""

    def __init__(self, budget: BudgetView) -> None:
        self.budget, self.used = budget, 0
        self.line: HostLine | None = None

    @property
    def left(self) -> int:
        """What may still be spent."""
        return self.budget.limit - self.used

    def spend(self, amount: int) -> None:
        """Spend on the host's meter."""
        assert self.line is not None  # noqa: S101
        self.line.ask("spend", amount=int(amount))
