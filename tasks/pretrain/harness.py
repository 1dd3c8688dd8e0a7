"""Runs the learner's protocol: metered views, then probes of frozen features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from leapbench.contract import seeds
from leapbench.contract.agent import Learner, LearningPhase, is_privileged
from leapbench.contract.harness import EpisodeRow, Harness, Outcome, Report
from leapbench.contract.meter import Meter
from leapbench.contract.task import Phase, Protocol
from leapbench.envs.pretrain import probes
from leapbench.envs.pretrain.probes import DENSE, DESCRIBED, SEMANTIC
from leapbench.envs.pretrain.shape import Shape
from leapbench.tasks.pretrain import sources
from leapbench.tasks.pretrain.asked import Asked
from leapbench.tasks.pretrain.data import MeteredViews
from leapbench.tasks.pretrain.sources import Pictures


class PretrainHarness(Harness):
    """Every method gets the same pictures and sizes; rows are rounds of probes.

    Each measure is put between an encoder that has learned nothing (0) and one that was shown
    labels (1), see `anchors` in the settings. `semantic` and `dense` are means of those of
    whole pictures and of places, the score the mean of the two.
    """

    shared = (
        "leapbench.envs.pretrain.shape",
        "leapbench.envs.pretrain.positions",
        "leapbench.envs.pretrain.masks",
        "leapbench.envs.pretrain.views",
        "leapbench.envs.pretrain.network",
        "leapbench.envs.pretrain.losses",
        "leapbench.envs.pretrain.objective",
        "leapbench.envs.pretrain.training",
    )

    @property
    def shape(self) -> Shape:
        """Sizes of views and networks."""
        return Shape(**self.protocol.settings["network"])

    @property
    def pictures(self) -> Pictures:
        """The protocol's pictures."""
        own = self.protocol.settings
        return sources.load(own, self.protocol.seed_key, self.shape, self.salt)

    def open(self, phase: Phase, parts: Mapping[str, Learner], report: Report) -> LearningPhase:
        """Open the phase: views that are paid for."""
        meter = Meter(phase.budget)
        (seed,) = seeds.stream(self.protocol.seed_key, "train", 1, self.seed, 1)
        report(0.0, "loading pictures")
        data = MeteredViews(self.pictures.train, self.shape, meter)
        kept = {k: v for k, v in self.protocol.settings.items() if k == "save_seconds"}
        return LearningPhase(phase.name, meter, seed, kept, data, report=report)

    def evaluate(self, parts: Mapping[str, Learner], report: Report) -> Outcome:
        """Probe the part's features, once for each planned seed."""
        pictures, part = self.pictures, parts["agent"]
        if is_privileged(part):
            report(0.0, "learning labels")
            part.bind(pictures.fit)  # type: ignore[attr-defined]
        asked = Asked(part, self.shape)
        plan = self.schedule(self.protocol, self.salt)
        rows: list[EpisodeRow] = []
        for i, planned in enumerate(plan):
            report(i / len(plan), f"probing, round {i + 1} of {len(plan)}")
            seed = int(planned["seed"])
            found = probes.measured(asked, self.shape, pictures.fit, pictures.test, seed)
            rows.append({**planned, **found})
        return Outcome(rows)

    @staticmethod
    def schedule(protocol: Protocol, salt: str = "", seed: int = 0) -> list[EpisodeRow]:
        """Number and seed of each round of probes."""
        drawn = seeds.stream(protocol.seed_key, "test", protocol.evaluation.episodes, salt=salt)
        return [{"episode": i, "seed": s} for i, s in enumerate(drawn)]

    @staticmethod
    def metrics(protocol: Protocol, rows: Sequence[EpisodeRow]) -> dict[str, float]:
        """Means over rounds, and `semantic`, `dense` and `score` of them, see the class."""
        names = (*SEMANTIC, *DENSE, *DESCRIBED)
        means = {name: float(np.mean([float(row[name]) for row in rows])) for name in names}
        ends = protocol.settings["anchors"]
        axes = {
            axis: float(np.mean([_between(means[name], *ends[name]) for name in measures]))
            for axis, measures in (("semantic", SEMANTIC), ("dense", DENSE))
        }
        return means | axes | {"score": float(np.mean(list(axes.values())))}


def _between(value: float, low: float, high: float) -> float:
    return (value - low) / (high - low)
