"""Everything that is registered keeps the rules of `leapbench.testing`.

By default one environment and one agent of each class are put through all rules, and the
variants of them through the quick ones; the rest is marked slow.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest

from leapbench.contract import registry
from leapbench.contract.registration import declared
from leapbench.errors import UserError
from leapbench.testing import (
    AGENT_CHECKS,
    ENVIRONMENT_CHECKS,
    TASK_CHECKS,
    Case,
    EnvironmentConformance,
    check_agent,
    check_environment,
    check_task,
    small_spec,
    small_task,
    small_task_of,
)

ENVIRONMENTS = sorted(declaration["id"] for declaration in declared())
RUN_RULES = {"smoke_run"}
QUICK = {"spaces", "rewards", "declaration", "config"}
"""Rules for variants: an id or an agent that is another one with arguments given."""

SMALL = [name for name, task in registry.tasks().items() if task.small is not None]


def variants(entries: dict[str, tuple[Any, Any]]) -> set[str]:
    """Names of all but one of each entry: the plainest, with the fewest arguments of its own.

    Args:
        entries: entry point and arguments by name.
    """
    first: dict[Any, str] = {}
    for name, (entry, _) in sorted(entries.items(), key=lambda item: len(item[1][1])):
        first.setdefault(entry, name)
    return set(entries) - set(first.values())


def pairs(entries: dict[str, tuple[Any, Any]], checks: Any) -> list[Any]:
    """Parameters (name, check), in which the long ones of variants are marked slow."""
    others = variants(entries)
    return [
        pytest.param(
            name,
            check,
            marks=[pytest.mark.slow] if name in others and check.__name__ not in QUICK else [],
            id=f"{name}-{check.__name__}",
        )
        for name in entries
        for check in checks
    ]


LIKE = {declaration["id"] for declaration in declared() if declaration["another"]}
"""Worlds that differ from another in their row of `[each]` alone: their spaces are looked at."""
WORLDS = {name: (gym.spec(name).entry_point, gym.spec(name).kwargs) for name in ENVIRONMENTS}
PARTS = {name: (part.entry, part.small) for name, part in registry.agents().items()}


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the models that policies are checked with are trained once."""
    return tmp_path_factory.mktemp("conformance")


@pytest.fixture(scope="session")
def cases(shared: Path) -> dict[str, Case]:
    return {
        name: Case(part, small_task_of(name), folder=shared)
        for name, part in registry.agents().items()
    }


def worlds() -> list[Any]:
    """Parameters (name, check) of all environments."""
    every = pairs(WORLDS, ENVIRONMENT_CHECKS)
    return [one for one in every if one.values[0] not in LIKE or one.values[1].__name__ == "spaces"]


@pytest.mark.parametrize(("name", "check"), worlds())
def test_environment(name: str, check: Any) -> None:
    drawn, spec = check.__name__ == "picture", small_spec(name)
    try:
        env = gym.make(spec, render_mode="rgb_array" if drawn else None)
        if drawn:
            env.reset()
            env.render()
        env.close()
    except UserError as missing:  # a prediction cache, a package, OpenGL
        pytest.skip(str(missing))
    check(spec)


@pytest.mark.parametrize("check", TASK_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", registry.tasks())
def test_task(name: str, check: Any) -> None:
    if check.__name__ not in RUN_RULES:
        check(registry.task(name))
    elif name in SMALL:
        check(small_task(name))


@pytest.mark.parametrize(("name", "check"), pairs(PARTS, AGENT_CHECKS))
def test_agent(name: str, check: Any, cases: dict[str, Case]) -> None:
    check(cases[name])


def test_every_family_has_a_task_that_is_run() -> None:
    families = {task.family for task in registry.tasks().values()}
    assert families == {name.partition("/")[0] for name in SMALL}


@pytest.mark.usefixtures("plugin")
class TestCoins(EnvironmentConformance):
    """An outsider's environment, through the base class."""

    environment = "toys/Coins-v0"


@pytest.mark.usefixtures("plugin")
def test_the_early_exit_world_over_another_prediction_cache() -> None:
    gym.register("toys/Exits-v0", "toys.exits:Exits", vector_entry_point="toys.exits:VectorExits")
    try:
        check_environment("toys/Exits-v0")
    finally:
        del gym.registry["toys/Exits-v0"]


@pytest.mark.usefixtures("plugin")
def test_a_plug_in_passes_as_a_whole() -> None:
    check_task("coins/small")
    for name in ("toy-mean", "toy-guess", "toy-guess-prior"):
        check_agent(name, registry.task("coins/small"))
