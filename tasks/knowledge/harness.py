"""Runs the learner's protocol: a start, metered knowledge, and probes of what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from leapbench.contract import seeds
from leapbench.contract.agent import Learner, LearningPhase, is_privileged
from leapbench.contract.harness import EpisodeRow, Harness, Outcome, Report
from leapbench.contract.meter import Meter
from leapbench.contract.task import Phase, Protocol
from leapbench.envs.knowledge import probes, scenes
from leapbench.envs.knowledge.encoders import Trained
from leapbench.envs.knowledge.network import Shape, restored
from leapbench.envs.knowledge.probes import Effort
from leapbench.envs.knowledge.questions import CHANCE, KINDS_OF_QUESTIONS
from leapbench.envs.knowledge.scenes import Scenes
from leapbench.envs.knowledge.sources import WRONG, Sources
from leapbench.envs.knowledge.words import RELATIONS
from leapbench.tasks.knowledge.asked import Asked
from leapbench.tasks.knowledge.data import MeteredKnowledge, make_start, read_start

SPLITS = {"heads": 1, "test": 2}
MEASURES = (
    *(change.__name__ for change in WRONG),
    "negation_caption",
    "category",
    *KINDS_OF_QUESTIONS,
    "relation",
)


@cache
def _sources(world: int, count: int) -> Sources:
    return Sources(world, count)


class KnowledgeHarness(Harness):
    """A world for each seed of the agent; every method of a seed has the same one and its start.

    Rows are draws of held-out scenes. The score is the mean of what is asked after fine-tuning
    a head, of retrieval and of categories, each between chance (0) and all right (1), less
    what retrieval has lost since the start.
    """

    shared = (
        "leapbench.envs.threads",
        "leapbench.envs.knowledge.words",
        "leapbench.envs.knowledge.drawing",
        "leapbench.envs.knowledge.batches",
        "leapbench.envs.knowledge.network",
        "leapbench.envs.knowledge.losses",
        "leapbench.envs.knowledge.training",
        "leapbench.envs.knowledge.encoders",
        "leapbench.envs.knowledge.bought",
    )

    @property
    def world(self) -> int:
        """Number of this seed's world, which no method is told.

        What is public, a method could compute; with a salt, the number is one of 2**128 that
        it could not.
        """
        key, salt = self.protocol.seed_key, self.salt
        if salt:
            words = seeds.sequence(key, "train", self.seed, salt=salt).generate_state(4)
            return int.from_bytes(words.tobytes(), "little")
        (number,) = seeds.stream(key, "train", 1, self.seed)
        return number

    @property
    def shape(self) -> Shape:
        """Sizes of the networks."""
        return Shape(**self.protocol.settings["network"])

    def start(self) -> dict[str, Any]:
        """The small CLIP that every method starts from, made once for each world."""
        own = self.protocol.settings
        sources = _sources(self.world, own["scenes"])
        kept = {name: own[name] for name in ("scenes", "start", "network")}
        folder, _ = self.store.get(
            {"knowledge": "start", "world": self.world, **kept},
            lambda empty: make_start(sources, self.world, dict(own), empty),
        )
        return read_start(folder)

    def open(self, phase: Phase, parts: Mapping[str, Learner], report: Report) -> LearningPhase:
        """Open the phase: a start, and knowledge that is paid for."""
        meter = Meter(phase.budget)
        (seed,) = seeds.stream(self.protocol.seed_key, "train", 1, self.seed, 1)
        report(0.0, "making the start that all methods share")
        sources = _sources(self.world, self.protocol.settings["scenes"])
        data = MeteredKnowledge(sources, self.start(), self.shape, meter)
        return LearningPhase(phase.name, meter, seed, self.protocol.settings, data, report=report)

    def evaluate(self, parts: Mapping[str, Learner], report: Report) -> Outcome:
        """Probe every draw of held-out scenes."""
        own, part = self.protocol.settings, parts["agent"]
        start = restored(self.start(), self.shape)
        before = Trained(start, _sources(self.world, own["scenes"]).words.number)
        learned = scenes.make(self.world, own["heads"]["scenes"], SPLITS["heads"])
        plan = self.schedule(self.protocol, self.salt)
        rows: list[EpisodeRow] = []
        for i, planned in enumerate(plan):
            report(i / len(plan), f"probing, draw {i + 1} of {len(plan)}")
            held = scenes.make(self.world, own["gallery"], SPLITS["test"] + int(planned["seed"]))
            asked = Asked(part)
            if is_privileged(part):
                part.bind([learned, held])  # type: ignore[attr-defined]
            rng = np.random.default_rng(int(planned["seed"]))
            measured = probed(asked, learned, held, rng, Effort(**own["heads"]))
            rows.append({**planned, **measured, "start": probes.retrieval(before, held)})
        return Outcome(rows)

    @staticmethod
    def schedule(protocol: Protocol, salt: str = "", seed: int = 0) -> list[EpisodeRow]:
        """Number and seed of each draw."""
        drawn = seeds.stream(protocol.seed_key, "test", protocol.evaluation.episodes, salt=salt)
        return [{"episode": i, "seed": s} for i, s in enumerate(drawn)]

    @staticmethod
    def metrics(protocol: Protocol, rows: Sequence[EpisodeRow]) -> dict[str, float]:
        """Means over draws; `score` of them, see the class."""
        names = ("retrieval", "start", *MEASURES)
        means = {name: float(np.mean([float(row[name]) for row in rows])) for name in names}
        asked = np.mean([above(means[kind], CHANCE[kind]) for kind in KINDS_OF_QUESTIONS])
        lost = max(0.0, means["start"] - means["retrieval"])
        useful = np.mean([asked, means["retrieval"], above(means["category"], 0.5)])
        return means | {
            "questions": float(asked),
            "relations": above(means["relation"], 1 / len(RELATIONS)),
            "forgotten": lost,
            "score": float(useful) - lost,
        }


def above(value: float, chance: float) -> float:
    """A share of right answers between chance (0) and all (1)."""
    return (value - chance) / (1 - chance)


def probed(
    part: probes.Encoders, learned: Scenes, held: Scenes, rng: np.random.Generator, effort: Effort
) -> dict[str, float]:
    """Every measure of `MEASURES`, and retrieval."""
    wrong = probes.hard_negatives(part, held, rng)
    wrong["negation_caption"] = wrong.pop("negation")
    return {
        "retrieval": probes.retrieval(part, held),
        **wrong,
        "category": probes.categories(part, held),
        **probes.answered(part, learned, held, rng, effort),
        "relation": probes.related(part, learned, held, rng, effort),
    }
