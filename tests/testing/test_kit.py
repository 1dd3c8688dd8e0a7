"""Each rule of the conformance kit catches a subject that breaks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gymnasium as gym
import pytest

from leapbench.contract import registry
from leapbench.contract.task import Task
from leapbench.testing import (
    AGENT_CHECKS,
    ENVIRONMENT_CHECKS,
    TASK_CHECKS,
    Case,
    check_environment,
    check_task,
    shrink,
)

pytestmark = pytest.mark.usefixtures("plugin")

BROKEN_WORLDS = {
    "SharedMemory": "fresh_observations",
    "Unseeded": "determinism",
    "ProcessDependent": "determinism",
    "DeafToSeeds": "seeding",
    "WrongDtype": "spaces",
    "OutOfBounds": "spaces",
    "NanReward": "rewards",
    "BothEnds": "ends",
    "NumberEnds": "ends",
    "Endless": "ends",
    "Undead": "after_end",
    "FloatPicture": "picture",
    "BlankPicture": "picture",
    "DisturbingPicture": "picture",
    "NoPicture": "picture",
    "Unpicklable": "copies",
    "FrozenWhenCopied": "copies",
    "Entangled": "copies",
    "NoReset": "gymnasium_checker",
    "NumpyReward": "sb3_checker",
}

BROKEN_AGENTS = {
    "Pickler": "files",
    "DisguisedPickler": "files",
    "ObjectArrays": "files",
    "Forgetful": "round_trip",
    "HalfLoaded": "round_trip",
    "Spendthrift": "learning",
    "Tamperer": "learning",
    "Unrepeatable": "reproducible",
    "FloatActions": "acting",
    "OutOfSpace": "acting",
    "Scribbler": "acting",
    "BatchBlind": "entry",
    "ComputedDefault": "config",
    "Untold": "config",
    "Catchall": "config",
    "Undeclared": "config",
    "Mute": "entry",
    "Missing": "entry",
}


def named(checks: tuple[Any, ...], rule: str) -> Callable[[Any], None]:
    return next(check for check in checks if check.__name__ == rule)


@pytest.fixture
def world() -> Iterator[Callable[..., str]]:
    """Registers a broken world for one test; its id."""

    def register(name: str, **kwargs: Any) -> str:
        gym.register("broken/World-v0", f"toys.broken:{name}", **kwargs)
        return "broken/World-v0"

    yield register
    gym.registry.pop("broken/World-v0", None)


@pytest.mark.parametrize(("name", "rule"), BROKEN_WORLDS.items())
def test_broken_worlds_are_caught(name: str, rule: str, world: Callable[..., str]) -> None:
    with pytest.raises(AssertionError, match=f"^{rule}: "):
        named(ENVIRONMENT_CHECKS, rule)(world(name))


def test_a_vector_world_of_its_own_is_caught(world: Callable[..., str]) -> None:
    broken = world("Coins", vector_entry_point="toys.broken:GenerousVector")
    with pytest.raises(AssertionError, match=r"^vector: NextStep: step 1: rewards differ"):
        named(ENVIRONMENT_CHECKS, "vector")(broken)


def test_the_whole_check_names_the_first_broken_rule(world: Callable[..., str]) -> None:
    with pytest.raises(AssertionError, match=r"^rewards: nan"):
        check_environment(world("NanReward"))


def test_a_world_with_a_time_limit_may_be_endless(world: Callable[..., str]) -> None:
    named(ENVIRONMENT_CHECKS, "ends")(world("Endless", max_episode_steps=10))


@pytest.mark.parametrize(("name", "rule"), BROKEN_AGENTS.items())
def test_broken_agents_are_caught(name: str, rule: str) -> None:
    plain = registry.agent("toy-guess", "coins")
    broken = plain.model_copy(update={"name": "broken", "entry": f"toys.broken:{name}"})
    with pytest.raises(AssertionError, match=f"^{rule}: "):
        named(AGENT_CHECKS, rule)(Case(broken, registry.task("coins/small")))


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"family": "cards"}, "declaration"),
        ({"summary": "two\nlines"}, "declaration"),
        ({"entry": "toys.nowhere:Guess"}, "declaration"),
        ({"settings": {"speed": 1.0}}, "config"),
        ({"settings": {"rounds": 3.5}}, "config"),
    ],
)
def test_broken_declarations_are_caught(change: dict[str, Any], rule: str) -> None:
    broken = registry.agent("toy-guess", "coins").model_copy(update={"name": "broken", **change})
    with pytest.raises(AssertionError, match=f"^{rule}: "):
        named(AGENT_CHECKS, rule)(Case(broken, registry.task("coins/small")))


def with_smoke(**changes: Any) -> Task:
    task = registry.task("coins/small")
    smoke = task.protocols["smoke"].model_copy(update=changes)
    return task.model_copy(update={"protocols": {"smoke": smoke}})


def with_scale(**changes: Any) -> Task:
    metric = registry.task("coins/small").protocols["smoke"].metric
    return with_smoke(metric=metric.model_copy(update=changes))


def broken_tasks() -> dict[str, tuple[str, Callable[[], Task]]]:
    def changed(**changes: Any) -> Callable[[], Task]:
        return lambda: registry.task("coins/small").model_copy(update=changes)

    def doubled() -> Task:
        phases = registry.task("coins/small").protocols["smoke"].phases
        return with_smoke(phases=(*phases, phases[0]))

    def flat() -> Task:
        ceiling = registry.task("coins/small").protocols["smoke"].metric.ceiling
        return with_scale(floor=ceiling)

    def elsewhere() -> Task:
        evaluation = registry.task("coins/small").protocols["smoke"].evaluation
        return with_smoke(evaluation=evaluation.model_copy(update={"environment": "no/No-v0"}))

    return {
        "misfiled": ("tiers", lambda: with_smoke(task="coins/large")),
        "no-tier": ("tiers", changed(protocols={})),
        "flat-scale": ("metric", flat),
        "wrong-way": ("metric", lambda: with_scale(higher_is_better=False)),
        "no-world": ("environment", elsewhere),
        "two-of-a-name": ("phases", doubled),
        "no-default": ("phases", changed(default_agents={"model": "toy-mean"})),
        "unknown-default": ("default_agents", changed(default_agents={"policy": "nobody"})),
        "wrong-role": ("default_agents", changed(default_agents={"policy": "toy-mean"})),
        "no-harness": ("harness", changed(harness="toys.tasks.coins.harness:Nothing")),
        "half-harness": ("harness", changed(harness="leapbench.contract.harness:Harness")),
        "wrong-metric": ("smoke_run", lambda: with_scale(name="misses")),
        "broken-run": ("smoke_run", lambda: with_smoke(settings={})),
    }


@pytest.mark.parametrize("name", broken_tasks())
def test_broken_tasks_are_caught(name: str) -> None:
    rule, make = broken_tasks()[name]
    with pytest.raises(AssertionError, match=f"^{rule}: "):
        named(TASK_CHECKS, rule)(make())


def test_unknown_baselines_are_caught() -> None:
    task = registry.task("coins/small")
    card = task.card.model_copy(update={"baselines": ("toy-mean+nobody",)})
    with pytest.raises(AssertionError, match=r"^card: There is no agent 'nobody'"):
        check_task(task.model_copy(update={"card": card}))


def test_shrinking_changes_the_smoke_protocol_only() -> None:
    task = registry.task("coins/small")
    small = shrink(task, {"samples": 16}, {"look": 16}, episodes=2)
    smoke = small.protocols["smoke"]
    assert smoke.settings["samples"] == 16
    assert [phase.budget.limit for phase in smoke.phases] == [16, 100]
    assert smoke.evaluation.episodes == 2
    assert task.protocols["smoke"].evaluation.episodes == 6
    check_task(small)
    assert registry.task("coins/small") is task
