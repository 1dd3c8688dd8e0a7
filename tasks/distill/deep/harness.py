"""Runs the paper's tier: pairs of networks in turn, one student after another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from leapbench.contract import seeds
from leapbench.contract.agent import Learner, LearningPhase, is_privileged
from leapbench.contract.harness import EpisodeRow, Outcome, Report
from leapbench.contract.meter import Meter
from leapbench.contract.task import Phase, Protocol
from leapbench.envs.distill.setup import Setup
from leapbench.envs.threads import one_thread
from leapbench.errors import UserError
from leapbench.tasks.distill.deep.playing import Playing
from leapbench.tasks.distill.harness import DistillHarness

SIZES = ("trajectories", "checkpoints", "blocks")


class DeepHarness(DistillHarness):
    """Convolutional teachers and students, for agents that need no practice.

    A run has an episode for each of `settings.scenarios`, pairs such as "wrn-40-2:wrn-40-1".
    Its teachers are trained as far as the agent buys them and kept beside other artifacts, for
    all agents of the same seed; everything is saved now and then, and a run that was killed goes
    on to the same outcome.
    """

    def open(self, phase: Phase, parts: Mapping[str, Learner], report: Report) -> LearningPhase:
        """Open the practice, which has no instances: students are too dear."""
        (seed,) = seeds.stream(self.protocol.seed_key, "train", 1, self.seed)
        setup = Setup(**self.protocol.settings["world"])
        sizes = {name: getattr(setup, name) for name in SIZES}
        return LearningPhase(phase.name, Meter(phase.budget), seed, sizes, report=report)

    def evaluate(self, parts: Mapping[str, Learner], report: Report) -> Outcome:
        """Play the pairs one after another, from where a killed run was."""
        policy: Any = parts["policy"]
        if is_privileged(policy):
            raise UserError("An oracle would train a student for each of its rules at this tier.")
        plan = self.schedule(self.protocol, self.salt, self.seed)
        one = Playing(self, policy, plan, report)
        with one_thread():
            return Outcome(one.rows())

    @staticmethod
    def schedule(protocol: Protocol, salt: str = "", seed: int = 0) -> list[EpisodeRow]:
        """Budget, pair, instance and student of each row; all pairs have one instance."""
        pairs = protocol.settings["scenarios"]
        instance, *students = seeds.stream(
            protocol.seed_key, "test", 1 + len(pairs), seed, salt=salt
        )
        return [
            {
                "share": float(share),
                "episode": episode,
                "scenario": pair,
                "instance": instance,
                "student": student,
                "seed": student,
            }
            for share in protocol.evaluation.budgets
            for episode, (pair, student) in enumerate(zip(pairs, students, strict=True))
        ]

    @staticmethod
    def metrics(protocol: Protocol, rows: Sequence[EpisodeRow]) -> dict[str, float]:
        """As of `DistillHarness`, and of each pair."""
        found = DistillHarness.metrics(protocol, rows)
        for pair in protocol.settings["scenarios"]:
            own = [float(row["accuracy"]) for row in rows if row["scenario"] == pair]
            found[f"accuracy {pair}"] = 100 * float(np.mean(own))
        return found
