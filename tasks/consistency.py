"""Value consistency alone: a model of latents is learned, all else is frozen."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from leapbench.contract import seeds
from leapbench.contract.agent import Learner, LearningPhase
from leapbench.contract.harness import EpisodeRow, Harness, Outcome, Report
from leapbench.contract.meter import Meter
from leapbench.contract.sequences import MeteredSequences
from leapbench.contract.task import Phase, Protocol
from leapbench.tasks import imagination
from leapbench.tasks.imagination import Floats, Ints, Trajectories, Values


class ConsistencyHarness(Harness):
    """A phase for each world, called as its file of frozen networks, from which a model learns.

    A row of the evaluation is a draw of steps of a part of the held-out trajectories of one
    world, see `imagination.starts` and `scored`.
    """

    @abstractmethod
    def transitions(self, name: str, split: str) -> Trajectories:
        """Transitions of a world: `split` "train" to learn from, "test" held out."""

    @abstractmethod
    def returns(self, name: str, discount: float) -> Floats:
        """Discounted returns (N,) of the steps held out."""

    @abstractmethod
    def values(self, name: str) -> Values:
        """Frozen values of latents and actions."""

    @abstractmethod
    def preference(self, name: str, rng: np.random.Generator) -> Callable[[Floats], Ints]:
        """Which action (N,) is best in latents (N, ...)."""

    def open(self, phase: Phase, parts: Mapping[str, Learner], report: Report) -> LearningPhase:
        """Open the phase: the part learns from the world's transitions."""
        number = self.protocol.phases.index(phase)
        (seed,) = seeds.stream(self.protocol.seed_key, "train", 1, self.seed, number)
        given, meter = self.transitions(phase.name, "train"), Meter(phase.budget)
        steps = {name: each for name, each in vars(given).items() if name != "weights"}
        longest = self.protocol.settings["longest"]
        data = MeteredSequences(steps, given.weights, meter, longest)
        return LearningPhase(phase.name, meter, seed, {}, data=data, report=report)

    def evaluate(self, parts: Mapping[str, Learner], report: Report) -> Outcome:
        """Score every draw."""
        slots = {phase.name: self.protocol.slot(phase) for phase in self.protocol.phases}
        plan = self.schedule(self.protocol, self.salt)
        rows: list[EpisodeRow] = []
        for i, planned in enumerate(plan):
            report(i / len(plan), f"{planned['world']}, draw {planned['episode']}")
            part = parts[slots[str(planned["world"])]]
            rows.append({**planned, **self._scored(part, planned)})
        return Outcome(rows)

    @staticmethod
    def schedule(protocol: Protocol, salt: str = "", seed: int = 0) -> list[EpisodeRow]:
        """World, number and seed of each draw."""
        count = protocol.evaluation.episodes
        rows: list[EpisodeRow] = []
        for number, phase in enumerate(protocol.phases):
            drawn = seeds.stream(protocol.seed_key, "test", count, number, salt=salt)
            rows += [{"world": phase.name, "episode": i, "seed": s} for i, s in enumerate(drawn)]
        return rows

    @staticmethod
    def metrics(protocol: Protocol, rows: Sequence[EpisodeRow]) -> dict[str, float]:
        """See `imagination.summary`."""
        return imagination.summary(rows, protocol.settings["horizons"])

    def _scored(self, part: Learner, planned: EpisodeRow) -> dict[str, float]:
        own, name = self.protocol.settings, str(planned["world"])
        data, rng = self.transitions(name, "test"), np.random.default_rng(int(planned["seed"]))
        draw = int(planned["episode"]), self.protocol.evaluation.episodes
        return imagination.scored(
            partial(imagination.imagined, part),
            data,
            self.returns(name, own["discount"]),
            imagination.starts(data.ends, max(own["horizons"]), *draw, rng),
            own["horizons"],
            own["ahead"],
            self.values(name),
            self.preference(name, rng),
        )
