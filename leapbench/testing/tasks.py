"""Rules that every task keeps, one function each.

The last rules run the task's smoke protocol, so pass a small one: `shrink`
makes it from the real one. Checks take a `leapbench.contract.task.Task`.
"""

from __future__ import annotations

import json
import tempfile
from importlib import import_module
from inspect import isabstract
from math import isclose
from pathlib import Path
from typing import Any

import gymnasium as gym

from leapbench.contract import registry
from leapbench.contract.harness import EpisodeRow, Harness
from leapbench.contract.task import TIERS, Protocol, Task, canonical
from leapbench.errors import UserError
from leapbench.results import result
from leapbench.running import cell
from leapbench.running.cell import Cell
from leapbench.running.composition import compose
from leapbench.testing.rules import RuleCheck, attach, require, run_all
from leapbench.testing.smaller import small_task, standing_in

PARTS = ("model", "policy", "agent")
SEED = 0
"""Of the run that is checked."""


def protocol_hash(task: Task) -> None:
    """Protocols survive JSON, and the hash depends on content, not on order."""
    for tier, protocol in task.protocols.items():
        data = protocol.model_dump(mode="json")
        again = Protocol.model_validate_json(canonical(data))
        same = canonical(again.model_dump(mode="json")) == canonical(data)
        require(same, "protocol_hash", f"{tier}: JSON and back gives another protocol")
        turned = Protocol.model_validate(_reversed(data))
        require(turned.hash == protocol.hash, "protocol_hash", f"{tier}: key order changes it")
        raised = protocol.model_copy(update={"version": protocol.version + 1})
        require(raised.hash != protocol.hash, "protocol_hash", f"{tier}: blind to the version")


def tiers(task: Task) -> None:
    """Tiers are known, there is one at least, and no two share a hash or a seed."""
    protocols = task.protocols
    require(set(protocols) <= set(TIERS), "tiers", f"{list(protocols)} are not all of {TIERS}")
    require(len(protocols) > 0, "tiers", "there is none")
    named = all((p.task, p.tier) == (task.name, tier) for tier, p in protocols.items())
    require(named, "tiers", "a protocol names another task or tier than it is filed under")
    for attribute in ("hash", "seed_key"):
        values = {getattr(protocol, attribute) for protocol in protocols.values()}
        require(len(values) == len(protocols), "tiers", f"two tiers share a {attribute}")


def metric(task: Task) -> None:
    """The floor normalises to 0, the ceiling to 1, and both name their source."""
    for tier, protocol in task.protocols.items():
        scale = protocol.metric
        low, high = scale.floor, scale.ceiling
        require(low.value != high.value, "metric", f"{tier}: floor and ceiling are equal")
        ends = scale.normalise(low.value), scale.normalise(high.value)
        require(ends == (0.0, 1.0), "metric", f"{tier}: the ends normalise to {ends}")
        sourced = bool(low.source.strip() and high.source.strip())
        require(sourced, "metric", f"{tier}: floor or ceiling has no source")
        rising = (high.value > low.value) == scale.higher_is_better
        require(rising, "metric", f"{tier}: higher_is_better contradicts floor and ceiling")


def environment(task: Task) -> None:
    """The evaluation's environment, if it has one, is registered."""
    for tier, protocol in task.protocols.items():
        name = protocol.evaluation.environment
        known = not name or name in gym.registry
        require(known, "environment", f"{tier}: Gymnasium knows no {name!r}")


def phases(task: Task) -> None:
    """Phases have names of their own, and roles that a default agent fills."""
    for tier, protocol in task.protocols.items():
        names = [phase.name for phase in protocol.phases]
        require(len(set(names)) == len(names), "phases", f"{tier}: {names} are not unique")
        for phase in protocol.phases:
            filled = phase.role in PARTS and phase.role in task.default_agents
            require(filled, "phases", f"{tier}: no default agent of role {phase.role!r}")


def default_agents(task: Task) -> None:
    """Default parts exist, have the role that they are the default for, and fit."""
    for role, name in task.default_agents.items():
        try:
            part = registry.agent(name, task.family)
        except UserError as error:
            raise AssertionError(f"default_agents: {error}") from error
        require(part.role == role, "default_agents", f"{name!r} is a {part.role}, not a {role}")
        _composes(task, name, "default_agents")


def card(task: Task) -> None:
    """The card's baselines and the claims' agents exist and fit the task."""
    for name in task.card.baselines:
        _composes(task, name, "card")
    for claim in task.claims:
        _composes(task, claim.agent, "card")
        _composes(task, claim.over, "card")
    names = [claim.name for claim in task.claims]
    require(len(set(names)) == len(names), "card", f"claims {names} are not unique")


def harness(task: Task) -> None:
    """The harness is importable and complete."""
    module, _, name = task.harness.partition(":")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise AssertionError(f"harness: {task.harness!r} is not importable: {error}") from error
    complete = isinstance(found, type) and issubclass(found, Harness) and not isabstract(found)
    require(complete, "harness", f"{task.harness!r} is not a complete Harness")


def smoke_run(task: Task) -> None:
    """A smoke run, if there is that tier, succeeds; its metrics follow from its rows alone."""
    if "smoke" not in task.protocols:
        return
    protocol = task.protocols["smoke"]
    with tempfile.TemporaryDirectory() as folder, standing_in(task):
        one = _cell(task, Path(folder))
        made = cell.run(one, lambda fraction, line: None)
        require(made.status == "ok", "smoke_run", f"{made.status}: {made.message}")
        require(one.done() is not None, "smoke_run", "the written result does not count as done")
        read = result.read(one.path)
    kind = cell.harness_of(task)
    _scheduled(kind, protocol, read.rows())
    again = kind.metrics(protocol, read.rows())
    same = result.same_metrics(again, read.metrics)
    require(same, "smoke_run", f"metrics from the rows are {again}, the result says {read.metrics}")
    score, scale = read.metrics.get(protocol.metric.name), protocol.metric
    require(score == read.score, "smoke_run", f"the score is not the metric {scale.name!r}")
    normal = isclose(scale.normalise(read.score or 0.0), read.normalised or 0.0, abs_tol=1e-12)
    require(normal, "smoke_run", "the normalised score is not the score, normalised")
    learned = [spent.phase for spent in read.budget]
    require(learned == [p.name for p in protocol.phases], "smoke_run", f"phases were {learned}")
    require(len(read.rows()) > 0, "smoke_run", "there is no episode")


TASK_CHECKS: tuple[RuleCheck[Task], ...] = (
    protocol_hash,
    tiers,
    metric,
    environment,
    phases,
    default_agents,
    card,
    harness,
    smoke_run,
)


def check_task(task: Task | str) -> None:
    """Run every rule on one task, given by name or, made small by `shrink`, itself.

    A task given by name is run as its table `[small]` says, if it has one.

    Raises:
        AssertionError: for the first broken rule, by name.
    """
    run_all(TASK_CHECKS, _subject(task) if isinstance(task, str) else task)


@attach(TASK_CHECKS)
class TaskConformance:
    """Base of a pytest class that runs every rule on `task`.

    Attributes:
        task: name of the task; override `subject` to pass a shrunk one.
    """

    task: str

    def subject(self) -> Task:
        """What the checks are run on."""
        return _subject(self.task)


def _subject(name: str) -> Task:
    return small_task(name) if registry.task(name).small else registry.task(name)


def _cell(task: Task, out: Path) -> Cell:
    agent = "+".join(task.default_agents.values())
    return Cell(task.name, "smoke", agent, SEED, (), out)


def _composes(task: Task, name: str, rule: str) -> None:
    try:
        compose(task, name)
    except UserError as error:
        raise AssertionError(f"{rule}: {error}") from error


def _reversed(data: Any) -> Any:
    """The same JSON data with every object's keys in the opposite order."""
    if isinstance(data, dict):
        return {key: _reversed(data[key]) for key in reversed(list(data))}
    return (
        [_reversed(item) for item in data]
        if isinstance(data, list)
        else json.loads(json.dumps(data))
    )


def _scheduled(kind: type[Harness], protocol: Protocol, rows: list[EpisodeRow]) -> None:
    """The rows are those announced, each with a reset seed, and a salt moves the seeds."""
    plan, other = (kind.schedule(protocol, salt, SEED) for salt in ("", "salt"))
    kept = [
        {k: row[k] for k in planned if k in row} for row, planned in zip(rows, plan, strict=False)
    ]
    require(len(rows) == len(plan) and kept == plan, "schedule", "the rows are not as scheduled")
    seeded = all("seed" in planned for planned in plan)
    require(seeded, "schedule", "a row has no column 'seed'")
    moved = [row["seed"] for row in plan] != [row["seed"] for row in other]
    require(moved, "schedule", "a salt does not change the seeds")
