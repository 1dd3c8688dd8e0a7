"""What must hold for a row by itself: every number that follows from others does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest
from math import isclose

from leapbench.contract import registry
from leapbench.contract.harness import EpisodeRow
from leapbench.contract.task import Protocol, Task, canonical
from leapbench.errors import UserError
from leapbench.leaderboards.submissions.bundle.manifest import BundledPart, Kind
from leapbench.results.result import Result, same_metrics
from leapbench.running.cell import harness_of

NAMES = ("protocol", "ranked", "settings", "budget", "episodes", "metrics", "score")
TRAINED_ELSEWHERE: tuple[Kind, ...] = ("weights", "graph")


def examine(row: Result, parts: Sequence[BundledPart]) -> dict[str, str]:
    """What is wrong with a row, by check; empty text for what is as it should be.

    A row of another protocol is looked at no further: what should follow from
    it is not known.

    Args:
        row: a result that was valid when it was read.
        parts: how the parts of its agent travel.
    """
    try:
        task = registry.task(row.task)
    except UserError as error:
        return {"protocol": str(error)}
    wrong = _protocol(row, task)
    if wrong:
        return {"protocol": wrong}
    protocol = task.protocols[row.tier]
    about = {
        "ranked": _ranked(row, parts),
        "settings": _settings(row, parts, protocol),
    }
    numbers = {name: check(row, task, protocol) for name, check in _CHECKS.items()}
    return {"protocol": ""} | about | numbers


def _protocol(row: Result, task: Task) -> str:
    if row.tier not in task.protocols:
        return f"{task.name} has no tier {row.tier!r}"
    wanted = task.protocols[row.tier].hash
    return "" if row.protocol_hash == wanted else f"{row.protocol_hash}, the current is {wanted}"


def _ranked(row: Result, parts: Sequence[BundledPart]) -> str:
    """An oracle, or a part that was trained elsewhere, may not say that it can be ranked."""
    declared = registry.agents_of(row.family)
    for part in parts:
        oracle = part.name in declared and not declared[part.name].ranked
        if row.agent.ranked and (oracle or part.kind in TRAINED_ELSEWHERE):
            return f"{part.name} may be shown and not ranked"
    return ""


def _settings(row: Result, parts: Sequence[BundledPart], protocol: Protocol) -> str:
    """What a declared part ran with is the protocol's defaults and what it says was changed."""
    declared = registry.agents_of(row.family)
    for part in parts:
        here = declared.get(part.name)
        if part.kind == "registered" and here and here.version == part.version:
            wanted = here.preset(protocol.presets).config | part.settings
            if canonical(wanted) != canonical(part.config):
                return f"{part.name} ran with {part.config}, it says with {wanted}"
    return ""


def _budget(row: Result, task: Task, protocol: Protocol) -> str:
    """Every phase in order, with the unit and the limit that the protocol gives it."""
    limits = [(phase.name, phase.budget.unit, phase.budget.limit) for phase in protocol.phases]
    spent = [(each.phase, each.unit, each.limit) for each in row.budget]
    if row.status != "ok":  # it may have ended in any phase
        limits = limits[: len(spent)]
    return "" if spent == limits else f"phases {spent}, the protocol has {limits}"


def _episodes(row: Result, task: Task, protocol: Protocol) -> str:
    """Every episode that the protocol plans, in order, with its own seed, and no other."""
    if row.status != "ok":
        return "" if not row.episodes else f"it ended as {row.status} and has episodes"
    plan, episodes = harness_of(task).schedule(protocol, seed=row.seed), row.rows()
    for place, (planned, found) in enumerate(zip_longest(plan, episodes)):
        wrong = _episode(planned, found)
        if wrong:
            return f"episode {place}: {wrong}"
    return ""


def _episode(planned: EpisodeRow | None, found: EpisodeRow | None) -> str:
    if found is None:
        return "missing"
    if planned is None:
        return "one more than the protocol has"
    for name, value in planned.items():
        if found.get(name) != value:
            return f"{name} is {found.get(name)}, the protocol has {value}"
    return ""


def _metrics(row: Result, task: Task, protocol: Protocol) -> str:
    if row.status != "ok":
        return "" if not row.metrics else f"it ended as {row.status} and has metrics"
    try:
        again = harness_of(task).metrics(protocol, row.rows())
    except Exception as error:  # a stranger's columns: anything may be missing or ill-typed
        return f"they do not follow from the episodes: {type(error).__name__}: {error}"
    if same_metrics(again, row.metrics):
        return ""
    names = sorted(again.keys() | row.metrics.keys())
    name = next(n for n in names if not _close(row.metrics.get(n), again.get(n)))
    return f"{name} is {row.metrics.get(name)}, the episodes give {again.get(name)}"


def _score(row: Result, task: Task, protocol: Protocol) -> str:
    if row.status != "ok":
        return "" if row.normalised is None else f"it ended as {row.status} and has a score"
    metric = protocol.metric
    if not _close(row.score, row.metrics.get(metric.name)):
        return f"{row.score}, the metric {metric.name} is {row.metrics.get(metric.name)}"
    wanted = metric.normalise(row.score or 0.0)
    return "" if _close(row.normalised, wanted) else f"normalised {row.normalised}, not {wanted}"


def _close(a: float | None, b: float | None) -> bool:
    return a is not None and b is not None and isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)


_CHECKS: dict[str, Callable[[Result, Task, Protocol], str]] = {
    "budget": _budget,
    "episodes": _episodes,
    "metrics": _metrics,
    "score": _score,
}
