"""Tasks made small enough for a unit test, and put in the place of the real ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec

from leapbench.contract import registration, registry
from leapbench.contract.task import Task


def small_task(name: str) -> Task:
    """The task with the smoke protocol that the `[small]` table of its file asks for.

    Raises:
        UserError: when there is no such task.
        ValueError: when its file has no such table.
    """
    task = registry.task(name)
    if task.small is None:
        raise ValueError(f"{name} has no table [small], so that tests do not run it.")
    small, smoke = task.small, task.protocols["smoke"]
    limits = {phase.name: small.limit or phase.budget.limit for phase in smoke.phases}
    evaluation = {"episodes": small.episodes, "budgets": small.budgets}
    made = shrink(
        task,
        registry.merge(smoke.settings, small.settings),
        limits | small.limits,
        **{key: value for key, value in evaluation.items() if value},
    )
    smoke = made.protocols["smoke"]
    smoke = smoke.model_copy(update={"presets": smoke.presets | small.presets})
    return made.model_copy(update={"protocols": dict(made.protocols) | {"smoke": smoke}})


def small_task_of(agent: str) -> Task:
    """The first small task that a registered part fits, given as "family/name".

    Raises:
        LookupError: when no file of its family's tasks has a table `[small]`.
    """
    part = registry.agents()[agent]
    for task in registry.tasks().values():
        if task.small is not None and part.fits(task):
            return small_task(task.name)
    raise LookupError(f"No task with a table [small] fits {agent}.")


def small_spec(environment: str) -> EnvSpec:
    """The registered id with the arguments that `small` in its declaration asks for."""
    spec = deepcopy(gym.spec(environment))
    for declared in registration.declared():
        if declared["id"] == environment:
            spec.kwargs |= declared["small"]
    return spec


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
