"""Tasks made small enough for a unit test, and put in the place of the real ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from leapbench.contract import registry
from leapbench.contract.task import Task


def shrink(
    task: Task,
    settings: Mapping[str, Any] | None = None,
    limits: Mapping[str, int] | None = None,
    **evaluation: Any,
) -> Task:
    """A copy whose smoke protocol is small enough to run in a unit test.

    Args:
        task: the task; only its smoke tier is changed.
        settings: protocol settings to replace.
        limits: budget of each phase to replace, by phase name.
        evaluation: fields of the evaluation to replace, such as `episodes=1`.
    """
    smoke = task.protocols["smoke"]
    shorter = tuple(
        phase.model_copy(
            update={
                "budget": phase.budget.model_copy(
                    update={"limit": (limits or {}).get(phase.name, phase.budget.limit)}
                )
            }
        )
        for phase in smoke.phases
    )
    changed = smoke.model_copy(
        update={
            "settings": smoke.settings | dict(settings or {}),
            "phases": shorter,
            "evaluation": smoke.evaluation.model_copy(update=evaluation),
        }
    )
    return task.model_copy(update={"protocols": dict(task.protocols) | {"smoke": changed}})


@contextmanager
def standing_in(task: Task) -> Iterator[None]:
    """Let the registry know `task` under its name, in place of the one it has."""
    known = registry.tasks()
    before = known.get(task.name)
    known[task.name] = task
    try:
        yield
    finally:
        if before is None:
            del known[task.name]
        else:
            known[task.name] = before
