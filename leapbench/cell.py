"""One cell of a sweep: an agent on a task and tier with one seed."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from leapbench import registry, result
from leapbench.agent import Learner, LearningPhase
from leapbench.artifacts import Store
from leapbench.composition import Composition, compose
from leapbench.errors import BudgetExceeded, UserError
from leapbench.harness import Harness, Report
from leapbench.provenance import provenance
from leapbench.result import Result, Spent, Status, Timing, columns
from leapbench.source import source_hash
from leapbench.task import Phase, Protocol, Task, Tier, canonical

ARTIFACTS = "artifacts"


@dataclass(frozen=True)
class Cell:
    """What decides one result file.

    Attributes:
        task: task name.
        tier: tier name.
        agent: agent as typed.
        seed: agent seed, 0 or more.
        settings: `--set` pairs as typed.
        out: folder of the results and artifacts.
    """

    task: str
    tier: Tier
    agent: str
    seed: int
    settings: tuple[str, ...]
    out: Path

    @property
    def composition(self) -> Composition:
        """The agent's parts and settings."""
        return compose(registry.task(self.task), self.agent, self.settings)

    @property
    def protocol(self) -> Protocol:
        """The protocol that the cell runs under."""
        return protocol_of(registry.task(self.task), self.tier)

    @property
    def path(self) -> Path:
        """Where the result file lies, or will lie."""
        agent = self.composition
        changed = sha256(canonical(agent.changed).encode()).hexdigest()[:8]
        name = f"{agent.name}--{changed}" if agent.changed else agent.name
        return self.out / self.task / self.tier / name / f"seed-{self.seed}.json"

    def done(self) -> Result | None:
        """The result, if it is there and was made by the same protocol and code."""
        if not self.path.exists():
            return None
        try:
            found = result.read(self.path)
        except UserError:
            return None
        same = (
            found.protocol_hash == self.protocol.hash and found.agent == self.composition.record()
        )
        return found if same and found.status == "ok" else None


def protocol_of(task: Task, tier: str) -> Protocol:
    """The task's protocol of a tier.

    Raises:
        UserError: when the task has no such tier.
    """
    if tier not in task.protocols:
        raise UserError(
            f"{task.name} has no tier {tier!r}.", f"It has: {', '.join(task.protocols)}."
        )
    return task.protocols[tier]  # type: ignore[index]


def run(cell: Cell, report: Report) -> Result:
    """Learn, evaluate, and write the result file; failures are results too.

    Args:
        cell: what to run.
        report: called with the fraction done in [0, 1] and a short line.

    Raises:
        UserError: for a mistake that no result should record.
    """
    import torch

    torch.set_num_threads(1)
    clock = Clock()
    agent = cell.composition
    blank = Result(
        status="failed",
        task=cell.task,
        tier=cell.tier,
        protocol_hash=cell.protocol.hash,
        agent=agent.record(),
        seed=cell.seed,
        provenance=provenance(),
    )
    spent: list[Spent] = []
    try:
        fields = _scored(cell, agent, spent, clock, report)
    except UserError:
        raise
    except Exception as error:
        status: Status = "budget_exceeded" if isinstance(error, BudgetExceeded) else "failed"
        where = traceback.extract_tb(error.__traceback__)[-1]
        line = f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
        fields = {"status": status, "message": line[:2000]}
    done = blank.model_copy(update=fields | {"budget": tuple(spent), "timing": clock.timing()})
    try:
        checked = Result.model_validate(done.model_dump())
    except ValidationError as error:  # such as an agent whose outputs are NaN
        line = str(error.errors()[0]["msg"])
        checked = blank.model_copy(update={"status": "invalid", "message": line})
    result.write(checked, cell.path)
    return checked


def learned(
    cell: Cell, roles: Collection[str] | None = None, report: Report = lambda fraction, line: None
) -> tuple[Harness, dict[str, Learner]]:
    """The harness and the parts of a cell after their phases, without evaluation.

    Args:
        cell: what to learn.
        roles: only the phases of these roles; None for all.
        report: called with the fraction done in [0, 1] and a short line.
    """
    harness, parts = _harness(cell), {}
    for phase in cell.protocol.phases:
        if roles is None or phase.role in roles:
            staged = _stage(report, 0, 1, phase.name)
            parts[phase.role], _ = _learn(harness, phase, cell.composition, parts, Clock(), staged)
    return harness, parts


def _harness(cell: Cell) -> Harness:
    module, _, name = registry.task(cell.task).harness.partition(":")
    store = Store(cell.out / ARTIFACTS)
    made: Harness = getattr(import_module(module), name)(cell.protocol, cell.seed, store)
    return made


def _scored(
    cell: Cell, agent: Composition, spent: list[Spent], clock: Clock, report: Report
) -> dict[str, Any]:
    """Run all phases and the evaluation; the fields of a successful result."""
    protocol, harness = cell.protocol, _harness(cell)
    parts: dict[str, Learner] = {}
    stages = len(protocol.phases) + 1
    for i, phase in enumerate(protocol.phases):
        staged = _stage(report, i, stages, phase.name)
        parts[phase.role], used = _learn(harness, phase, agent, parts, clock, staged)
        spent.append(used)
    outcome = harness.evaluate(parts, _stage(report, stages - 1, stages, "evaluation"))
    metrics = harness.metrics(protocol, outcome.rows)
    score = metrics[protocol.metric.name]
    return {
        "status": "ok",
        "episodes": columns(outcome.rows),
        "metrics": metrics,
        "score": score,
        "normalised": protocol.metric.normalise(score),
        "details": outcome.details,
    }


def _learn(
    harness: Harness,
    phase: Phase,
    agent: Composition,
    parts: dict[str, Learner],
    clock: Clock,
    report: Report,
) -> tuple[Learner, Spent]:
    """Let the part of the phase's role learn, or load what it learned before."""
    learner = agent.build(phase.role)

    def learn() -> LearningPhase:
        opened = harness.open(phase, parts, report)
        learner.learn(opened)
        return opened

    if not phase.artifact:
        return learner, _spent(phase, learn().meter.used, reused=False)

    def make(folder: Path) -> None:
        begun = time.process_time()
        opened = learn()
        learner.save(folder)
        record = {"used": opened.meter.used, "cpu": time.process_time() - begun}
        (folder / "spent.json").write_text(canonical(record))

    key = _key(harness, phase, agent)
    harness.artifacts[phase.role] = key
    folder, reused = harness.store.get(key, make)
    fresh = agent.build(phase.role)
    fresh.load(folder)
    record = json.loads((folder / "spent.json").read_text())
    if reused:
        clock.add(record["cpu"])
    return fresh, _spent(phase, record["used"], reused)


def _key(harness: Harness, phase: Phase, agent: Composition) -> dict[str, Any]:
    """Everything that decides the artifact of a phase."""
    part = agent.parts[phase.role]
    return {
        "seed_key": harness.protocol.seed_key,
        "seed": harness.seed,
        "phase": phase.model_dump(mode="json"),
        "settings": harness.relevant(phase, agent.config[phase.role]),
        "entry": part.entry,
        "config": agent.config[phase.role],
        "source": source_hash((*part.sources, *harness.sources)),
    }


def _spent(phase: Phase, used: int, reused: bool) -> Spent:
    budget = phase.budget
    return Spent(phase=phase.name, unit=budget.unit, used=used, limit=budget.limit, reused=reused)


def _stage(report: Report, index: int, count: int, name: str) -> Report:
    """`report` for one of several stages, as a share of the whole."""
    return lambda fraction, line: report((index + fraction) / count, f"{name}: {line}")


class Clock:
    """Wall and CPU seconds since it was made, plus those of reused phases."""

    def __init__(self) -> None:
        self.started = datetime.now(UTC).isoformat(timespec="seconds")
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def add(self, cpu: float) -> None:
        """Count CPU seconds that were spent earlier for this cell's sake."""
        self._cpu -= cpu

    def timing(self) -> Timing:
        """The seconds so far."""
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        return Timing(started=self.started, wall=round(wall, 3), cpu=round(cpu, 3))
