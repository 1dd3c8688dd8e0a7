"""Runs link prediction on graphs of facts alone: triplets are paid, missing ends are asked for."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from leapbench.contract import seeds
from leapbench.contract.agent import Learner, LearningPhase
from leapbench.contract.harness import EpisodeRow, Harness, Outcome, Report
from leapbench.contract.meter import Meter, MeteredStream
from leapbench.contract.task import Phase, Protocol
from leapbench.data.locate import places
from leapbench.envs.knowledge import graphs
from leapbench.envs.knowledge.drawing import Ints
from leapbench.envs.knowledge.graphs import Graph
from leapbench.envs.knowledge.ranks import Filter, summary
from leapbench.errors import InvalidOutput, UserError

NUMBERS = 2**22
"""Scores that are asked for at once."""
SIDES = {"heads": 0, "tails": 2}
MEASURES = ("mrr", "hits1", "hits3", "hits10")


def found(folder: str) -> Path:
    """Where a graph lies: $LEAPBENCH_DATA, the cache, or pykeen's own package.

    Raises:
        UserError: when it is nowhere.
    """
    looked = [*places(folder), *places(f"knowledge-graphs/{folder}")]
    package = importlib.util.find_spec("pykeen")
    if package is not None and package.origin:
        looked.append(Path(package.origin).parent / "datasets" / folder)
    for path in looked:
        if path.is_dir():
            return path
    raise UserError(
        f"There is no graph {folder!r}. Looked for: {'; '.join(map(str, looked))}.",
        "export LEAPBENCH_DATA=/folder/that/holds/it (umls, kinships, nations: pip install pykeen)",
    )


@lru_cache(maxsize=2)
def _read(path: Path) -> Graph:
    return graphs.read(path)


@lru_cache(maxsize=2)
def _drawn(seed: int) -> Graph:
    return graphs.drawn(seed)


class GraphHarness(Harness):
    """A graph; training triplets are counted, and the test's ends are looked for.

    A method's `scores(known, relations, side)` gives (N, entities) for the side "tails",
    where heads are known, or "heads".
    """

    @property
    def graph(self) -> Graph:
        """The graph of this run: of a folder, or drawn for its seed."""
        folder = str(self.protocol.settings["folder"])
        if folder:
            return _read(found(folder))
        key = self.protocol.seed_key
        return _drawn(seeds.stream(key, "train", 1, self.seed, 2, salt=self.salt)[0])

    def open(self, phase: Phase, parts: Mapping[str, Learner], report: Report) -> LearningPhase:
        """Open the phase: training triplets, each paid for in every pass."""
        graph, meter = self.graph, Meter(phase.budget)
        (seed,) = seeds.stream(self.protocol.seed_key, "train", 1, self.seed, 1)
        data = MeteredStream(graph.train[:, :2], graph.train[:, 2], meter)
        sizes = {"entities": len(graph.entities), "relations": len(graph.relations)}
        settings = {**self.protocol.settings, **sizes}
        return LearningPhase(
            phase.name, meter, seed, settings, data, report=report, device=self.device
        )

    def evaluate(self, parts: Mapping[str, Learner], report: Report) -> Outcome:
        """Rank both ends of the test triplets."""
        (part,), graph = parts.values(), self.graph
        plan, every = self.schedule(self.protocol, self.salt), graph.test
        known = np.concatenate([graph.train, graph.valid, graph.test])
        rng = np.random.default_rng(int(plan[0]["seed"]))
        most = int(self.protocol.settings["asked"])
        asked = every[np.sort(rng.permutation(len(every))[:most])]
        row: EpisodeRow = {**plan[0], "triplets": len(asked), "dropped": graph.dropped}
        for k, (name, side) in enumerate(SIDES.items()):
            filtered, step = Filter(known, side), max(1, NUMBERS // len(graph.entities))
            ranks = []
            for start in range(0, len(asked), step):
                report((k + start / len(asked)) / 2, f"looking for {name}")
                some = asked[start : start + step]
                ranks.append(filtered.ranks(_scores(part, some, name, len(graph.entities)), some))
            row |= {f"{name}_{key}": v for key, v in summary(np.concatenate(ranks)).items()}
        return Outcome([row])

    @staticmethod
    def schedule(protocol: Protocol, salt: str = "", seed: int = 0) -> list[EpisodeRow]:
        """One row: the test set, or the draw of it that is asked about."""
        (drawn,) = seeds.stream(protocol.seed_key, "test", 1, salt=salt)
        return [{"episode": 0, "seed": drawn}]

    @staticmethod
    def metrics(protocol: Protocol, rows: Sequence[EpisodeRow]) -> dict[str, float]:
        """Means of both ends, which are as many."""
        ends = {f"{name}_{key}" for name in SIDES for key in MEASURES}
        means = {key: float(np.mean([float(row[key]) for row in rows])) for key in sorted(ends)}
        both = {key: (means[f"heads_{key}"] + means[f"tails_{key}"]) / 2 for key in MEASURES}
        return both | {f"mrr_{name}": means[f"{name}_mrr"] for name in SIDES}


def _scores(part: Any, asked: Ints, side: str, entities: int) -> Any:
    """What the part answers, float32 (N, entities).

    Raises:
        InvalidOutput: for anything else.
    """
    end = 0 if side == "tails" else 2
    known = np.ascontiguousarray(asked[:, end]), np.ascontiguousarray(asked[:, 1])
    if not callable(getattr(part, "scores", None)):
        raise UserError(
            f"{type(part).__name__} has no method scores.",
            "A method of this task has scores(known, relations, side); see docs/knowledge.md.",
        )
    answer = part.scores(*known, side)
    try:
        made = np.array(answer, np.float32)
    except (TypeError, ValueError):
        made = np.zeros(0, np.float32)
    if made.shape != (len(asked), entities) or not np.isfinite(made).all():
        raise InvalidOutput(
            f"scores is to give {len(asked)} x {entities} finite numbers, got "
            f"{type(answer).__name__} of shape {made.shape}."
        )
    return made
