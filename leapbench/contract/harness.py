"""The task's side of the contract: a harness runs a protocol's phases and evaluation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from leapbench.contract.agent import Learner, LearningPhase
from leapbench.contract.artifacts import ArtifactStore
from leapbench.contract.curves import Points
from leapbench.contract.task import Phase, Protocol
from leapbench.errors import UserError

Report = Callable[[float, str], None]
EpisodeRow = dict[str, bool | int | float | str]


@dataclass
class Outcome:
    """What an evaluation yields.

    Attributes:
        rows: one record an episode; every metric is recomputed from them.
        details: further tables and curves of the family, JSON data.
    """

    rows: list[EpisodeRow]
    details: dict[str, Any] = field(default_factory=dict)


class Harness(ABC):
    """Runs one protocol for one seed.

    Args:
        protocol: the frozen protocol.
        seed: the agent's seed, 0 or more.
        store: where derived data may be kept.
        salt: secret of a hosted board that moves the test stream; empty for the public one.

    Attributes:
        shared: modules that a submitted agent may import beside the suite's own, such as
            the names of an observation's columns and the class of the data of a phase. No
            world, no data set and no test data may be among them.
        device: where parts learn, and where a field or a network of the family's own is,
            as torch names it; "cpu" unless the run says otherwise.
        cards: how many a part may share its batches among.
        curves: what each phase logged, by its name, see `leapbench.contract.curves`.
        sink: called with phase, step and values of everything that is logged.
        artifacts: store key of each phase that left an artifact, by `Protocol.slot`.
    """

    shared: ClassVar[tuple[str, ...]] = ()

    def __init__(self, protocol: Protocol, seed: int, store: ArtifactStore, salt: str = "") -> None:
        self.protocol, self.seed, self.store, self.salt = protocol, seed, store, salt
        self.device, self.cards = "cpu", 1
        self.artifacts: dict[str, dict[str, Any]] = {}
        self.curves: dict[str, dict[str, Points]] = {}
        self.sink: Callable[[str, int, Mapping[str, float]], None] = lambda phase, step, each: None

    def relevant(self, phase: Phase, config: Mapping[str, Any]) -> dict[str, Any]:
        """The settings that decide a phase's artifact; all of them by default.

        Args:
            phase: the phase that leaves the artifact.
            config: settings of the part that learns in it.
        """
        return dict(self.protocol.settings)

    @abstractmethod
    def open(self, phase: Phase, parts: Mapping[str, Learner], report: Report) -> LearningPhase:
        """Prepare `phase` for the part with its role.

        Args:
            phase: the phase.
            parts: parts that have learned, by role, or by phase name in a tree of phases.
            report: called with the fraction done in [0, 1] and a short line.
        """

    def reveal(self, opened: LearningPhase, parts: Mapping[str, Learner]) -> None:  # noqa: B027
        """Add to an open phase what an oracle alone may learn from; nothing by default.

        Called when the part that is to learn is privileged, see
        `leapbench.contract.agent.Policy`; it is then not ranked.

        Args:
            opened: what `open` gave.
            parts: as in `open`.
        """

    def receive(self, role: str, folder: Path) -> Learner:
        """The suite's own part for what a part that learned elsewhere has saved.

        A model that a stranger's code has trained is built, run and metered by the
        suite; families that can do so override this.

        Args:
            role: role of the part.
            folder: what the part's `save` wrote; not to be trusted.

        Raises:
            UserError: when the family takes no such part, as by default.
            AgentError: when what was saved is not such a part.
        """
        family = self.protocol.task.partition("/")[0]
        raise UserError(
            f"A {role} for {family} cannot be submitted as code.",
            "Submit weights, an exported network, or another part.",
        )

    @abstractmethod
    def evaluate(self, parts: Mapping[str, Learner], report: Report) -> Outcome:
        """Run the held-out episodes of `parts`, which are named as in `open`."""

    @staticmethod
    @abstractmethod
    def schedule(protocol: Protocol, salt: str = "", seed: int = 0) -> list[EpisodeRow]:
        """What identifies each row of an evaluation, its seed among it, in order.

        The rows of `evaluate` begin with these columns, so that a result can be
        checked for episodes that are missing, added or made with other seeds.

        Args:
            protocol: the frozen protocol.
            salt: moves the test stream, see `leapbench.contract.seeds`.
            seed: of the run. Most families give every run the same episodes; where those
                are what runs are to differ in, as the scenes of agents that draw no
                numbers, the seed decides them.
        """

    @staticmethod
    @abstractmethod
    def metrics(protocol: Protocol, rows: Sequence[EpisodeRow]) -> dict[str, float]:
        """Every metric from the rows alone; `protocol.metric.name` among them."""


def stage(report: Report, index: int, count: int, name: str) -> Report:
    """`report` for one of several stages, as a share of the whole."""
    return lambda fraction, line: report((index + fraction) / count, f"{name}: {line}")
