"""The task's side of the contract: a harness runs a protocol's phases and evaluation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from leapbench.agent import LearningPhase, Learner
from leapbench.task import Phase, Protocol

Report = Callable[[float, str], None]
Row = dict[str, bool | int | float | str]


@dataclass
class Outcome:
    """What an evaluation yields.

    Attributes:
        rows: one record an episode; every metric is recomputed from them.
        details: further tables and curves of the family, JSON data.
    """

    rows: list[Row]
    details: dict[str, Any] = field(default_factory=dict)


class Harness(ABC):
    """Runs one protocol for one seed.

    Args:
        protocol: the frozen protocol.
        seed: the agent's seed, 0 or more.
    """

    def __init__(self, protocol: Protocol, seed: int) -> None:
        self.protocol, self.seed = protocol, seed

    @abstractmethod
    def open(self, phase: Phase, parts: Mapping[str, Learner], report: Report) -> LearningPhase:
        """Prepare `phase` for the part with its role; earlier parts have learned."""

    @abstractmethod
    def evaluate(self, parts: Mapping[str, Learner], report: Report) -> Outcome:
        """Run the held-out episodes."""

    @staticmethod
    @abstractmethod
    def metrics(protocol: Protocol, rows: Sequence[Row]) -> dict[str, float]:
        """Every metric from the rows alone; `protocol.metric.name` among them."""
