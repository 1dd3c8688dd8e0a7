"""Everything that is registered keeps the rules of `leapbench.testing`."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest
from gymnasium.envs.registration import EnvSpec

from leapbench.contract import registry
from leapbench.contract.declaration import Declaration
from leapbench.contract.task import Task
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
    shrink,
)

ENVIRONMENTS = sorted(name for name in gym.registry if name.startswith("leapbench/"))
RUN_RULES = {"smoke_run"}
VARIANT_RULES = {"spaces", "rewards"}

# The smallest scenes and fields for active view selection.
GLANCE: dict[str, Any] = {
    "candidates": 6,
    "tests": 2,
    "resolution": 8,
    "first": 2,
    "iterations": 2,
    "field": {"resolution": 8, "coarse": 8, "samples": 4, "rays": 16},
}

LOOK: dict[str, Any] = {
    "settings": {
        "world": {"pool": "unbalanced", "views": 2, "batch": 1} | GLANCE,
        "practice": {"scene": "niche"},
        "marks": [2],
    },
    "limits": {"practice": 24},
    "episodes": 1,
}

# One task of every family, or track of one, that runs from what is installed, made small.
SMALL: dict[str, dict[str, Any]] = {
    "earlyexit/digits": {
        "settings": {"train": 120, "calibration": 60, "batch": 30, "stream": 20},
        "limits": {"train": 240, "calibrate": 2000},
        "episodes": 1,
        "budgets": (160_000, 250_000),
    },
    "urlb/entropy-grid": {
        "settings": {"world": {"size": 9, "horizon": 20}},
        "limits": {"pretrain-calm": 400, "pretrain-noisy": 400},
        "episodes": 2,
    },
    "urlb/entropy-point": {
        "settings": {"world": {"horizon": 10}, "bins": 20},
        "limits": {
            phase.name: 60
            for phase in registry.task("urlb/entropy-point").protocols["smoke"].phases
        },
        "episodes": 1,
    },
    "activeview/niche": LOOK,
    "activeview/system": LOOK,
}

# For the parts that do not run on their defaults alone, or would take long.
SETTINGS = {
    "exit-weights-l2w": ("weights=1.0,1.0,1.0,1.0",),
    "view-ppo": ("envs=2", "steps=4", "batch=4", "hidden=8"),
    "view-dqn": ("envs=2", "batch=4", "hidden=8"),
    "view-oracle": ("shortlist=2", "iterations=2"),
}
TINY = ("hidden=16", "batch=8", "warmup=20")
TINY_FIELD = ("resolution=8", "coarse=8", "samples=4", "rays=16", "first=2", "iterations=2")


def small(name: str) -> Task:
    return shrink(registry.task(name), **SMALL[name])


def small_for(agent: str) -> Task:
    part = registry.agents()[agent]
    return small(next(name for name in SMALL if part.fits(registry.task(name))))


def settings_of(part: Declaration) -> tuple[str, ...]:
    """What a part is run with; DDPG agents and fields small enough for a test."""
    for tiny in (TINY, TINY_FIELD):
        if {setting.partition("=")[0] for setting in tiny} <= set(part.config):
            return tiny
    return SETTINGS.get(part.name, ())


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the models that policies are checked with are trained once."""
    return tmp_path_factory.mktemp("conformance")


@pytest.fixture(scope="session")
def cases(shared: Path) -> dict[str, Case]:
    return {
        name: Case(part, small_for(name), settings_of(part), shared)
        for name, part in registry.agents().items()
    }


def spec_of(name: str) -> EnvSpec:
    """The id, with scenes as small as can be where there are any."""
    spec = deepcopy(gym.spec(name))
    if name.startswith("leapbench/ActiveView"):
        free = "Free" in name
        spec.kwargs |= {k: v for k, v in GLANCE.items() if not (free and k == "candidates")}
        spec.kwargs |= {"scene": spec.kwargs.get("scene", "niche"), "views": 2}
    return spec


def checks_of(name: str) -> Iterator[Any]:
    """All rules for an id; few where it is another id with arguments given, as tasks are."""
    spec = gym.spec(name)
    bare = any(
        other.entry_point == spec.entry_point and not other.kwargs
        for other in map(gym.spec, ENVIRONMENTS)
    )
    for check in ENVIRONMENT_CHECKS:
        if not (bare and spec.kwargs) or check.__name__ in VARIANT_RULES:
            yield check


@pytest.mark.parametrize(
    ("name", "check"),
    [(name, check) for name in ENVIRONMENTS for check in checks_of(name)],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_environment(name: str, check: Any) -> None:
    drawn, spec = check.__name__ == "picture", spec_of(name)
    try:
        env = gym.make(spec, render_mode="rgb_array" if drawn else None)
        if drawn:
            env.reset()
            env.render()
        env.close()
    except UserError as missing:  # a bank, a package, OpenGL
        pytest.skip(str(missing))
    check(spec)


@pytest.mark.parametrize("check", TASK_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", registry.tasks())
def test_task(name: str, check: Any) -> None:
    if check.__name__ not in RUN_RULES:
        check(registry.task(name))
    elif name in SMALL:
        check(small(name))


@pytest.mark.parametrize("check", AGENT_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", registry.agents())
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
def test_the_early_exit_world_over_another_bank() -> None:
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
