"""Runs the family's protocols: practice, then one training under the agent's masks."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from leapbench.contract import seeds
from leapbench.contract.agent import Learner, LearningPhase, Remote, is_privileged
from leapbench.contract.checkpoints import Checkpoints, unreadable
from leapbench.contract.harness import EpisodeRow, Harness, Outcome, Report
from leapbench.contract.meter import Meter
from leapbench.contract.rollout import rollout
from leapbench.contract.task import Budget, Phase, Protocol
from leapbench.envs.sparsify import measures
from leapbench.envs.sparsify.evaluation import constant, measure
from leapbench.envs.sparsify.facts import REWIND
from leapbench.envs.sparsify.job import Job
from leapbench.envs.sparsify.saving import load, save
from leapbench.envs.sparsify.training import Training
from leapbench.errors import AgentError
from leapbench.tasks.sparsify import worlds
from leapbench.tasks.sparsify.method import Method, checked, method, plays

DIGITS = 6
"""Decimals of a measure in the rows."""
CHUNK = {"small": 50, "deeplab": 1}
"""Updates between two looks at the clock, which take a second or so, or a minute on a CPU."""
OURS = "leapbench.agents."
RAW = ("miou", "accuracy", "abs", "rel", "angle", "within")


class SparsifyHarness(Harness):
    """An agent decides which weights of a shared network stay while it is trained.

    `settings.world` has the world's arguments, `settings.practice` those that differ while an
    agent that learns does so, `settings.reference` a dense network's metrics on the test
    pictures, and `settings.dense_until` the share of the training up to which a mask may have
    more weights than the budget.

    Pictures are the same for all runs of a protocol. A run's seed decides the initial weights
    and the order of the pictures, the same for all agents, so that pairing runs by their seed
    pairs networks.
    """

    shared = ("leapbench.envs.sparsify.facts", "leapbench.envs.sparsify.masks")

    def open(self, phase: Phase, parts: Mapping[str, Learner], report: Report) -> LearningPhase:
        """Open the practice; see `Harness.open`."""
        meter, settings = Meter(phase.budget), self.protocol.settings
        (seed,) = seeds.stream(self.protocol.seed_key, "train", 1, 1, self.seed)
        other = {"test": 0, "test_seed": 0}  # no picture of the test is in reach
        arguments = self._arguments() | other | settings["practice"]
        environment = self.protocol.evaluation.environment
        plan = self.schedule(self.protocol, self.salt, self.seed)
        scored = frozenset(int(planned["seed"]) for planned in plan)
        return LearningPhase(
            name=phase.name,
            meter=meter,
            seed=seed,
            settings={},
            make_env=partial(worlds.practice, environment, arguments, meter, scored),
            report=report,
        )

    def evaluate(self, parts: Mapping[str, Learner], report: Report) -> Outcome:
        """Train once for each planned row, and score the test pictures."""
        rows: list[EpisodeRow] = []
        details: dict[str, Any] = {}
        for planned in self.schedule(self.protocol, self.salt, self.seed):
            training, budget = self._trained(parts["agent"], int(planned["seed"]), report)
            rows.append(planned | row(training, budget))
            details = {"layers": layers(training)}
        return Outcome(rows, details)

    @staticmethod
    def schedule(protocol: Protocol, salt: str = "", seed: int = 0) -> list[EpisodeRow]:
        """Episode and seed of each row."""
        count = protocol.evaluation.episodes
        starts = seeds.stream(protocol.seed_key, "test", count, 1, seed, salt=salt)
        return [{"episode": i, "seed": start} for i, start in enumerate(starts)]

    @staticmethod
    def metrics(protocol: Protocol, rows: Sequence[EpisodeRow]) -> dict[str, float]:
        """Means over the rows, gains in per cent of the reference."""
        each = [_scored(protocol.settings["reference"], found) for found in rows]
        return {name: float(np.mean([one[name] for one in each])) for name in each[0]}

    def _arguments(self) -> dict[str, Any]:
        """Arguments of the world, with the seeds of its scenes."""
        key = self.protocol.seed_key
        (learned,) = seeds.stream(key, "train", 1, 0)
        (test,) = seeds.stream(key, "test", 1, 0, salt=self.salt)
        drawn = {"scene_seed": learned, "test_seed": test, "device": self.device}
        return dict(self.protocol.settings["world"]) | drawn

    def _trained(self, part: Any, seed: int, report: Report) -> tuple[Training, int]:
        """The training that a part has led, and the weights that it was to keep at most."""
        env = worlds.make(self.protocol.evaluation.environment, self._arguments())
        world = worlds.inner(env)
        if plays(part):
            observation, _ = env.reset(seed=seed)
            for step in rollout(env, part, observation):
                report(world.steps / world.rounds, f"decision {world.steps} of {world.rounds}")
                del step
            return world.training, world.facts.budget
        job = replace(world.job, dense_until=self.protocol.settings["dense_until"])
        if is_privileged(part) and not isinstance(part, Remote):
            if not type(part).__module__.startswith(OURS):
                raise AgentError("only the suite's own dense reference goes without a budget")
            job = replace(job, sparsity=0.0)
        chosen = method(part)
        job = replace(job, separate=bool(getattr(chosen, "separate", False)))
        return self._led(chosen, job, seed, report), world.facts.budget

    def _led(self, chosen: Method, job: Job, seed: int, report: Report) -> Training:
        """A training under the masks of a method; it goes on where a killed one stopped."""
        training = Training(job, seed)
        plan = {t: (kind, n) for t, kind, n in checked(chosen.plan(training.facts))}
        saves, meter = self._saves(training)
        if saves.latest is not None:
            try:
                load(training, saves.latest)
            except (OSError, ValueError, KeyError, RuntimeError) as error:
                raise unreadable(saves.latest, error) from error
        written = time.monotonic()
        every = float(self.protocol.settings.get("save_seconds", 300.0))
        word = "goes on at" if saves.latest is not None else "begins with"
        report(training.iteration / job.iterations, f"{word} update {training.iteration + 1}")
        while not training.over:
            now, ends = training.iteration, [t for t in plan if t > training.iteration]
            if now in plan:
                kind, batches = plan[now]
                if batches:
                    report(now / job.iterations, f"update {now}: {kind} of {batches} batches")
                _decided(training, chosen, now, kind, batches)
            training.train(min([*ends, now + CHUNK[job.network]]) - now)
            done = training.iteration / job.iterations
            losses = " ".join(f"{x:.3f}" for x in training.loss)
            report(done, f"update {training.iteration} of {job.iterations}, losses {losses}")
            if time.monotonic() - written >= every and not training.over:
                meter.used, written = training.spent, time.monotonic()
                saves.write(meter, partial(save, training))
        saves.clear()
        return training

    def _saves(self, training: Training) -> tuple[Checkpoints, Meter]:
        """Where the training of this run is saved now and then, and its ledger as a meter."""
        key = {
            "training": self.protocol.hash,
            "seed": self.seed,
            "salted": bool(self.salt),
            "of": self.artifacts,
            "job": repr(replace(training.job, device="cpu")),
        }
        meter = Meter(Budget(unit="multiply-adds", limit=training.limit))
        return Checkpoints(self.store.path(key)), meter


def _decided(training: Training, chosen: Method, now: int, kind: str, batches: int) -> None:
    """One round: score at its cost, ask, take over the mask."""
    scores = training.score("none" if kind == REWIND else kind, batches)
    mask = chosen.keep(now, training.flat(), training.mask.copy(), scores)
    if mask is not None:
        training.decide(mask, rewind=kind == REWIND)


def row(training: Training, budget: int) -> EpisodeRow:
    """What is kept of a training: metrics on the test pictures, of a constant too, ledgers."""
    test = training.data.test
    found, least = measure(training, test), constant(training, test)
    names = [name for name in RAW if name in found]
    return {
        **{name: round(found[name], DIGITS) for name in names},
        **{f"constant_{name}": round(least[name], DIGITS) for name in names},
        "kept": training.kept(),
        "budget": budget,
        "spent": training.spent,
        "limit": training.limit,
        "iterations": training.iteration,
    }


def layers(training: Training) -> list[dict[str, Any]]:
    """Name, weights and kept weights of each layer."""
    pairs = zip(training.layers, training.active, strict=True)
    return [{"layer": each.name, "weights": each.size, "kept": kept} for each, kept in pairs]


def _scored(reference: Mapping[str, float], found: EpisodeRow) -> dict[str, float]:
    """Metrics of one row."""
    raw = {name: float(found[name]) for name in RAW if name in found}
    constant = {name: float(found[f"constant_{name}"]) for name in raw}
    tasks = [t for t in measures.TASKS if set(measures.METRICS[t]) <= set(raw)]
    gains = measures.gains(tasks, raw, reference)
    kept, budget = int(found["kept"]), int(found["budget"])
    spent, limit = int(found["spent"]), int(found["limit"])
    return {
        "delta": 100 * float(np.mean(list(gains.values()))),
        "worst": 100 * min(gains.values()),
        "collapsed": float(len(measures.collapsed(tasks, raw, constant))),
        **{f"delta_{task}": 100 * gain for task, gain in gains.items()},
        **raw,
        "kept": float(kept),
        "compute": spent / limit,
        "over_budget": float(kept > budget or spent > limit),
    }
