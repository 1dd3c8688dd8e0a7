"""What the harnesses of the family share: phases in worlds, episodes of what they left."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from leapbench.contract import seeds
from leapbench.contract.agent import Learner, LearningPhase
from leapbench.contract.harness import EpisodeRow, Harness, Outcome, Report
from leapbench.contract.meter import Meter
from leapbench.contract.rollout import rollout
from leapbench.contract.task import Phase, Protocol
from leapbench.tasks.urlb import worlds


class PhaseWorld(NamedTuple):
    """The environment of a phase.

    Attributes:
        environment: Gymnasium id.
        arguments: keyword arguments of it.
        horizon: steps of an episode.
        rewarded: whether the agent sees rewards.
    """

    environment: str
    arguments: dict[str, Any]
    horizon: int
    rewarded: bool


class Played(NamedTuple):
    """Episodes that were stepped together.

    Attributes:
        returns: float64 (B,).
        seen: what was observed after each step, (B, T, ...).
    """

    returns: NDArray[np.float64]
    seen: NDArray[Any]


class PhasesHarness(Harness):
    """A tree of phases: some explore without reward, the others fine-tune on one task.

    The agent is given the length of an episode and whether a phase is "pretrain" or
    "finetune"; nothing of the task, which shows in rewards alone.
    """

    @staticmethod
    @abstractmethod
    def world(protocol: Protocol, phase: Phase) -> PhaseWorld:
        """Where `phase` takes place."""

    @classmethod
    def evaluation_world(cls, protocol: Protocol, phase: Phase) -> PhaseWorld:
        """Where the part of `phase` is evaluated; where it learned, by default."""
        return cls.world(protocol, phase)

    @staticmethod
    def evaluated(protocol: Protocol) -> tuple[Phase, ...]:
        """The phases whose parts are evaluated, in order; all by default."""
        return protocol.phases

    @classmethod
    def agent_settings(cls, protocol: Protocol, phase: Phase) -> dict[str, Any]:
        """What `LearningPhase.settings` gives the agent."""
        return {"horizon": cls.world(protocol, phase).horizon}

    @abstractmethod
    def measured(self, played: Played) -> Iterator[EpisodeRow]:
        """The measured columns of each episode's row, in order."""

    def open(self, phase: Phase, parts: Mapping[str, Learner], report: Report) -> LearningPhase:
        """Open a phase: the agent learns from metered environments alone."""
        meter, place = Meter(phase.budget), self.protocol.phases.index(phase)
        (seed,) = seeds.stream(self.protocol.seed_key, "train", 1, place, self.seed)
        world = self.world(self.protocol, phase)
        return LearningPhase(
            name="finetune" if world.rewarded else "pretrain",
            meter=meter,
            seed=seed,
            settings=self.agent_settings(self.protocol, phase),
            make_env=partial(
                worlds.training, world.environment, world.arguments, world.rewarded, meter
            ),
            report=report,
        )

    def evaluate(self, parts: Mapping[str, Learner], report: Report) -> Outcome:
        """Step all episodes of a phase's part together, one part after the other."""
        plan, count = self.schedule(self.protocol, self.salt), self.protocol.evaluation.episodes
        phases = self.evaluated(self.protocol)
        rows: list[EpisodeRow] = []
        for i, phase in enumerate(phases):
            report(i / len(phases), f"evaluating {phase.name}")
            planned = plan[i * count : (i + 1) * count]
            world = self.evaluation_world(self.protocol, phase)
            played = play(world, parts[self.protocol.slot(phase)], planned)
            rows += [a | b for a, b in zip(planned, self.measured(played), strict=True)]
        return Outcome(rows)

    @classmethod
    def starts(cls, protocol: Protocol, salt: str) -> Iterator[tuple[Phase, int, int]]:
        """Phase, number and reset seed of every episode that is evaluated, in order."""
        phases, count = cls.evaluated(protocol), protocol.evaluation.episodes
        fresh = iter(seeds.stream(protocol.seed_key, "test", count * len(phases), salt=salt))
        for phase in phases:
            for episode in range(count):
                yield phase, episode, next(fresh)


def play(world: PhaseWorld, policy: Any, planned: Sequence[EpisodeRow]) -> Played:
    """Step an episode from each planned `seed`, greedily where there are rewards."""
    count = len(planned)
    env = worlds.make(world.environment, count, world.arguments, AutoresetMode.DISABLED)
    observation, _ = env.reset(seed=[int(row["seed"]) for row in planned])  # type: ignore[arg-type]
    total, seen = np.zeros(count), []
    for step in rollout(env, policy, observation, deterministic=world.rewarded):
        total += step.reward
        seen.append(np.array(step.following))
    env.close()
    return Played(total, np.stack(seen, axis=1))
