"""Runs one phase of a protocol, or takes what it left behind before."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from leapbench.contract.agent import Learner, LearningPhase, is_privileged
from leapbench.contract.checkpoints import Checkpoints
from leapbench.contract.curves import Curves
from leapbench.contract.harness import Harness, Report
from leapbench.contract.task import Phase, canonical
from leapbench.results.result import Spent, Timing
from leapbench.running.composition import Composition
from leapbench.running.source import code_hash

SAVES = ("save_every", "save_seconds")
"""Settings of a phase: units or seconds between two checkpoints; absent or 0 for none."""


class Clock:
    """Wall and CPU seconds since it was made, plus those of reused phases.

    Args:
        agent: whose parts in processes of their own count as well.
    """

    def __init__(self, agent: Composition) -> None:
        self.started = datetime.now(UTC).isoformat(timespec="seconds")
        self._agent = agent
        self._wall, self._cpu = time.perf_counter(), self.cpu()

    def cpu(self) -> float:
        """CPU seconds of this process and of the agent's own, from an arbitrary zero."""
        return time.process_time() + self._agent.cpu

    def add(self, cpu: float) -> None:
        """Count CPU seconds that were spent earlier for this cell's sake."""
        self._cpu -= cpu

    def timing(self) -> Timing:
        """The seconds so far."""
        wall, cpu = time.perf_counter() - self._wall, self.cpu() - self._cpu
        return Timing(started=self.started, wall=round(wall, 3), cpu=round(cpu, 3))


def learn(
    harness: Harness,
    phase: Phase,
    agent: Composition,
    parts: dict[str, Learner],
    clock: Clock,
    report: Report,
) -> tuple[Learner, Spent]:
    """Let the part of the phase's role learn, or load what it learned before.

    Args:
        harness: runs the protocol; told of the artifact's key.
        phase: the phase.
        agent: builds the part.
        parts: parts that have learned, by `Protocol.slot`.
        clock: told of the seconds that a reused phase once took.
        report: called with the fraction done in [0, 1] and a short line.
    """
    slot = harness.protocol.slot(phase)
    learner = agent.build(phase.role, slot)
    key = _key(harness, phase, agent) if phase.artifact else {}
    curves = Curves()

    def run() -> tuple[LearningPhase, float]:
        begun, earlier = clock.cpu(), 0.0
        if phase.after:
            learner.load(harness.store.path(harness.artifacts[phase.after]))
        opened = harness.open(phase, parts, report)
        if is_privileged(learner):
            harness.reveal(opened, parts)
        opened.device, opened.cards = harness.device, harness.cards
        _follow(opened, harness, phase, curves)
        if any(opened.settings.get(name) for name in SAVES):
            opened.checkpoints = _checkpoints(harness, key or _whole_key(harness, phase, agent))
            opened.checkpoints.beside = curves.save
            opened.checkpoints.resume(opened.meter)
            if opened.checkpoints.latest:
                curves.load(opened.checkpoints.latest)
            earlier = opened.checkpoints.earlier
            clock.add(earlier)
            _tell(opened)
        learner.learn(opened)
        return opened, earlier + clock.cpu() - begun

    if not phase.artifact:
        opened, _ = run()
        if opened.checkpoints is not None:
            opened.checkpoints.clear()
        harness.curves[phase.name] = curves.record()
        return learner, _spent(phase, opened.meter.used, reused=False)

    def make(folder: Path) -> None:
        opened, cpu = run()
        learner.save(folder)
        curves.save(folder)
        record = {"used": opened.meter.used, "cpu": cpu}
        (folder / "spent.json").write_text(canonical(record))

    harness.artifacts[slot] = key
    folder, reused = harness.store.get(key, make)
    _checkpoints(harness, key).clear()  # not before the artifact is there
    fresh = agent.restore(harness, phase.role, folder, slot)
    record = json.loads((folder / "spent.json").read_text())
    if reused:
        curves.load(folder)
        _again(harness, phase, curves)
        clock.add(record["cpu"])
    harness.curves[phase.name] = curves.record()
    return fresh, _spent(phase, record["used"], reused)


def _follow(opened: LearningPhase, harness: Harness, phase: Phase, curves: Curves) -> None:
    """Take down what the phase logs, and show the last values behind its reports."""
    report = opened.report

    def logged(step: int, values: Mapping[str, float]) -> None:
        curves.add(step, values)
        harness.sink(phase.name, step, values)

    def shown(fraction: float, line: str) -> None:
        last = ", ".join(f"{name} {value:.4g}" for name, value in curves.last.items())
        report(fraction, f"{line}, {last}" if last else line)

    opened.logged, opened.report = logged, shown


def _again(harness: Harness, phase: Phase, curves: Curves) -> None:
    """Hand on what a reused phase once logged, as far as it was kept."""
    for name, (steps, values) in curves.record().items():
        for step, value in zip(steps, values, strict=True):
            harness.sink(phase.name, step, {name: value})


def _tell(opened: LearningPhase) -> None:
    """Report from where a phase that was killed goes on."""
    used, budget = opened.meter.used, opened.meter.budget
    if used:
        opened.report(used / budget.limit, f"going on after {used:,} {budget.unit}")


def _checkpoints(harness: Harness, key: dict[str, Any]) -> Checkpoints:
    """The checkpoints of a phase, beside its artifact, or where that would lie."""
    path = harness.store.path(key)
    return Checkpoints(path.with_name(f".{path.name}.checkpoints"))


def _whole_key(harness: Harness, phase: Phase, agent: Composition) -> dict[str, Any]:
    """The key of a phase without an artifact: what the other parts are decides it as well."""
    return _key(harness, phase, agent) | {"parts": agent.record().model_dump(mode="json")}


def _key(harness: Harness, phase: Phase, agent: Composition) -> dict[str, Any]:
    """Everything that decides the artifact of a phase."""
    part = agent.parts[phase.role]
    begun = {"after": harness.artifacts[phase.after]} if phase.after else {}
    return begun | {
        "seed_key": harness.protocol.seed_key,
        "seed": harness.seed,
        "phase": phase.model_dump(mode="json"),
        "settings": harness.relevant(phase, agent.config[phase.role]),
        "entry": part.entry,
        "config": agent.config[phase.role],
        "source": code_hash((part.entry,)),
    }


def _spent(phase: Phase, used: int, reused: bool) -> Spent:
    budget = phase.budget
    return Spent(phase=phase.name, unit=budget.unit, used=used, limit=budget.limit, reused=reused)
