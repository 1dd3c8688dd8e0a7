"""Rules for `leapbench/PretrainControl-v0`: how to learn, step by step."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.agents.common.acting import LookAhead, Schedule
from leapbench.agents.common.bounds import bounded
from leapbench.agents.pretrain.control.points import POINTS, action
from leapbench.errors import unknown

RANK = 5
"""Where an observation has the effective rank of features."""


class Constant(Schedule):
    """One method all along.

    Args:
        point: "sim", "mae", "id", "dense-id", "mae-id", "sim-global" or "same-view".
        rate: learning rate, from -1 (a quarter) to 1 (four times).

    Raises:
        UserError: for another point, or a rate outside.
    """

    def __init__(self, point: str = "sim", rate: float = 0.0) -> None:
        super().__init__()
        if point not in POINTS:
            raise unknown("point", point, POINTS)
        self.point, self.rate = point, rate
        bounded(self, {"rate": -1})

    def choose(self, observation: NDArray[Any], memory: dict[str, Any]) -> NDArray[np.float32]:
        """See `Schedule.choose`."""
        return action(self.point, self.rate)


class Random(Schedule):
    """Another point of the box in every step."""

    def choose(self, observation: NDArray[Any], memory: dict[str, Any]) -> NDArray[np.float32]:
        """See `Schedule.choose`."""
        return self.rng.uniform(-1, 1, len(action("sim"))).astype(np.float32)


class Between(Schedule):
    """From one method to another along a line, as the budget is spent.

    Args:
        first: point at the start.
        last: point at the end.
    """

    def __init__(self, first: str = "mae", last: str = "sim") -> None:
        super().__init__()
        self.first, self.last = first, last
        for point in (first, last):
            if point not in POINTS:
                raise unknown("point", point, POINTS)

    def choose(self, observation: NDArray[Any], memory: dict[str, Any]) -> NDArray[np.float32]:
        """See `Schedule.choose`; the observation begins with the share of the budget left."""
        left = float(observation[0])
        return (left * action(self.first) + (1 - left) * action(self.last)).astype(np.float32)


class Halving(Schedule):
    """Successive halving without restarts: methods take turns, and every round loses a half.

    A turn is worth what it adds to the effective rank of features, for lack of labels
    (Jamieson and Talwalkar, AISTATS 2016, for the rule; rank as in Garrido et al., ICML 2023).

    Args:
        turn: steps of a turn.
    """

    def __init__(self, turn: int = 1) -> None:
        super().__init__()
        self.turn = turn
        bounded(self, {"turn": 1})

    def choose(self, observation: NDArray[Any], memory: dict[str, Any]) -> NDArray[np.float32]:
        """See `Schedule.choose`."""
        rank = float(observation[RANK])
        if not memory:
            memory.update(alive=list(POINTS), gains={}, place=0, steps=0, rank=rank)
        if memory["steps"] == self.turn:
            self._turned(memory, rank)
        memory["steps"] += 1
        return action(memory["alive"][memory["place"]])

    @staticmethod
    def _turned(memory: dict[str, Any], rank: float) -> None:
        """End a turn, and with the last of a round its worse half."""
        alive, place = memory["alive"], memory["place"]
        memory["gains"][alive[place]] = rank - memory["rank"]
        memory.update(place=place + 1, steps=0, rank=rank)
        if memory["place"] == len(alive):
            kept = sorted(alive, key=lambda name: -memory["gains"][name])
            memory.update(alive=kept[: max(1, len(kept) // 2)], gains={}, place=0)


class Ahead(LookAhead):
    """Tries every point of `POINTS`."""

    def candidates(self, world: Any) -> list[Any]:
        """See `LookAhead.candidates`."""
        return [action(name) for name in POINTS]
