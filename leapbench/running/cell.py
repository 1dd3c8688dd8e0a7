"""One cell of a sweep: an agent on a task and tier with one seed."""

from __future__ import annotations

import traceback
from collections.abc import Collection
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from leapbench.contract import registry
from leapbench.contract.agent import Learner
from leapbench.contract.artifacts import ArtifactStore
from leapbench.contract.curves import thinned
from leapbench.contract.harness import Harness, Report, stage
from leapbench.contract.task import Protocol, Task, Tier
from leapbench.errors import AgentError, Terminated, Unavailable, UserError
from leapbench.isolation.failures import GuestError
from leapbench.results import result
from leapbench.results.provenance import provenance
from leapbench.results.result import Result, Spent, columns
from leapbench.results.values import LONGEST, printable
from leapbench.running import code, logs, machine, parts, phases
from leapbench.running.composition import Composition, compose, origin
from leapbench.running.device import cards, described, resolved

ARTIFACTS = "artifacts"
CURVED = 400
"""Points of curves that a result keeps, about."""


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
        isolated: True runs parts in files in processes of their own, as submissions are;
            the result is the same.
        device: where parts learn: "auto", "cpu", "cuda", "cuda:N" or "cuda:all"; parts in processes
            of their own are on the CPU. Neither the result's identity nor `done` knows it.
        log: where what is logged goes besides, "tensorboard" or "wandb"; "" for nowhere.
        keep: keep what the parts learned, in `kept`.
    """

    task: str
    tier: Tier
    agent: str
    seed: int
    settings: tuple[str, ...]
    out: Path
    isolated: bool = False
    device: str = "cpu"
    log: str = ""
    keep: bool = False

    @property
    def in_file(self) -> bool:
        """Whether code of a file is run in this process, unless it is given one of its own."""
        return not self.isolated and ".py:" in self.agent

    @property
    def composition(self) -> Composition:
        """The agent's parts and settings."""
        task = registry.task(self.task)
        return compose(task, self.agent, self.settings, self.protocol)

    @property
    def protocol(self) -> Protocol:
        """The protocol that the cell runs under."""
        return protocol_of(registry.task(self.task), self.tier)

    @property
    def code(self) -> str:
        """Hash of all the code that decides the result."""
        return code.of_result(registry.task(self.task), self.protocol, self.composition)

    @property
    def path(self) -> Path:
        """Where the result file lies, or will lie."""
        return self.path_of(self.composition)

    @property
    def kept(self) -> Path:
        """Folder of what the parts learned, where it is kept."""
        return self.path.with_suffix("")

    def path_of(self, agent: Composition) -> Path:
        """`path` for a composition at hand; imports no code of an agent's."""
        folder = agent.record().folder
        return self.out / self.task / self.tier / folder / f"seed-{self.seed}.json"

    def done(self) -> Result | None:
        """The result, if it is there and was made by the same protocol and code."""
        if not self.path.exists():
            return None
        try:
            found = result.read(self.path)
        except UserError:
            return None
        same = (
            found.protocol_hash == self.protocol.hash
            and found.agent == self.composition.record()
            and found.provenance.get("code") == self.code
        )
        whole = same and found.status == "ok" and not (self.keep and parts.missing(self.kept))
        return found if whole else None


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


def run(cell: Cell, report: Report, agent: Composition | None = None, salt: str = "") -> Result:
    """Learn, evaluate, and write the result file; failures are results too.

    Args:
        cell: what to run.
        report: called with the fraction done in [0, 1] and a short line.
        agent: builds the parts; None for the cell's own composition.
        salt: moves the test stream, see `leapbench.contract.seeds`.

    Raises:
        UserError: for a mistake that no result should record. One that a part of the user's
            own raises while it learns or acts is a result, unless it is `Unavailable`.
    """
    import torch

    if cell.isolated and agent is None:
        from leapbench.isolation.limits import for_tier
        from leapbench.running.isolated import isolated

        shared = harness_of(registry.task(cell.task)).shared
        with isolated(cell.composition, for_tier(cell.tier), shared) as guests:
            return run(cell, report, guests, salt)
    torch.set_num_threads(1)
    agent = agent or cell.composition
    clock = phases.Clock(agent)
    blank = _blank(cell, agent)
    spent: list[Spent] = []
    try:
        with (
            machine.disk_errors(cell.out),
            logs.opened(cell.log, cell.out, _identity(cell, agent)) as sink,
        ):
            fields = _scored(cell, agent, salt, spent, clock, report, sink)
    except Terminated:
        raise
    except (Exception, SystemExit) as error:
        if isinstance(error, UserError) and not _of_users_part(error, agent):
            raise
        status = error.status if isinstance(error, AgentError) else "failed"
        fields = {"status": status, "message": printable(_line(error))[:LONGEST]}
    done = blank.model_copy(update=fields | {"budget": tuple(spent), "timing": clock.timing()})
    try:
        checked = Result.model_validate(done.model_dump())
    except ValidationError as error:  # such as an agent whose outputs are NaN
        line = str(error.errors()[0]["msg"])
        checked = blank.model_copy(update={"status": "invalid", "message": line})
    with machine.disk_errors(cell.out):
        result.write(checked, cell.path_of(agent))
    return checked


def _of_users_part(error: UserError, agent: Composition) -> bool:
    """Whether a part that is not the suite's own raised an error, or called what raised it."""
    if isinstance(error, Unavailable):
        return False
    places = {origin(part) for part in agent.parts.values()}
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    seen = {frame.f_globals.get("__name__") for frame in frames}
    seen |= {frame.f_code.co_filename for frame in frames}
    return any(place in seen for place in places if not place.startswith("leapbench."))


def _identity(cell: Cell, agent: Composition) -> dict[str, Any]:
    """What a log says about a run."""
    path = cell.path_of(agent).relative_to(cell.out).with_suffix("")
    settings = {part.name: agent.config[role] for role, part in agent.parts.items()}
    facts = {"task": cell.task, "tier": cell.tier, "agent": agent.name, "seed": cell.seed}
    return facts | {"settings": settings, "path": path.as_posix()}


def failed(cell: Cell, message: str) -> Result:
    """Write the result of a cell whose process ended before it could."""
    made = _blank(cell, cell.composition).model_copy(update={"message": message})
    result.write(made, cell.path)
    return made


def _blank(cell: Cell, agent: Composition) -> Result:
    """A result without what comes of running."""
    made_by = code.of_result(registry.task(cell.task), cell.protocol, agent)
    return Result(
        status="failed",
        task=cell.task,
        tier=cell.tier,
        protocol_hash=cell.protocol.hash,
        agent=agent.record(),
        seed=cell.seed,
        provenance=provenance() | described(resolved(cell.device)) | {"code": made_by},
    )


def _line(error: BaseException) -> str:
    """What went wrong and where, for the result."""
    if isinstance(error, GuestError):
        return str(error)
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"


def learned(
    cell: Cell, roles: Collection[str] | None = None, report: Report = lambda fraction, line: None
) -> tuple[Harness, dict[str, Learner]]:
    """The harness and the parts of a cell after their phases, without evaluation.

    Args:
        cell: what to learn.
        roles: only the phases of these roles; None for all.
        report: called with the fraction done in [0, 1] and a short line.
    """
    harness = _harness(cell)
    parts: dict[str, Learner] = {}
    for phase in cell.protocol.phases:
        if roles is None or phase.role in roles:
            staged = stage(report, 0, 1, phase.name)
            parts[cell.protocol.slot(phase)], _ = phases.learn(
                harness, phase, cell.composition, parts, phases.Clock(cell.composition), staged
            )
    return harness, parts


def harness_of(task: Task) -> type[Harness]:
    """The class that runs the task's protocols."""
    module, _, name = task.harness.partition(":")
    found: type[Harness] = getattr(import_module(module), name)
    return found


def _harness(cell: Cell, salt: str = "") -> Harness:
    task = registry.task(cell.task)
    store = ArtifactStore(cell.out / ARTIFACTS, {"code": code.of_phases(task, cell.protocol)})
    harness = harness_of(task)(cell.protocol, cell.seed, store, salt)
    harness.device, harness.cards = resolved(cell.device), cards(cell.device)
    return harness


def _scored(
    cell: Cell,
    agent: Composition,
    salt: str,
    spent: list[Spent],
    clock: phases.Clock,
    report: Report,
    sink: logs.Sink | None,
) -> dict[str, Any]:
    """Run all phases and the evaluation; the fields of a successful result."""
    protocol, harness = cell.protocol, _harness(cell, salt)
    if sink is not None:
        harness.sink = sink.add
    learned: dict[str, Learner] = {}
    stages = len(protocol.phases) + 1
    for i, phase in enumerate(protocol.phases):
        staged = stage(report, i, stages, phase.name)
        learner, used = phases.learn(harness, phase, agent, learned, clock, staged)
        learned[protocol.slot(phase)] = learner
        spent.append(used)
    outcome = harness.evaluate(learned, stage(report, stages - 1, stages, "evaluation"))
    metrics = harness.metrics(protocol, outcome.rows)
    score = metrics[protocol.metric.name]
    if sink is not None:
        sink.add("evaluation", 0, metrics)
    if cell.keep:
        folder = cell.path_of(agent).with_suffix("")
        parts.keep(folder, protocol, cell.seed, agent, learned)
    return {
        "status": "ok",
        "episodes": columns(outcome.rows),
        "metrics": metrics,
        "score": score,
        "normalised": protocol.metric.normalise(score),
        "details": outcome.details,
        "curves": thinned(harness.curves, CURVED),
    }
