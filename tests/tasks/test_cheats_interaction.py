"""Ways to score without earning it, on games and on tasks of dm_control: all of them fail."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leapbench.contract import registry
from leapbench.contract.agent import LearningPhase
from leapbench.contract.artifacts import ArtifactStore
from leapbench.errors import BudgetExceeded, UserError
from leapbench.tasks.atari100k.harness import AtariHarness
from leapbench.tasks.dmc.harness import DMCHarness
from leapbench.tasks.interaction import InteractionHarness

pytest.importorskip("ale_py")
pytest.importorskip("dm_control")
TASKS = {"atari100k/pong": AtariHarness, "dmc/cartpole-swingup": DMCHarness}


@pytest.fixture(params=list(TASKS))
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> InteractionHarness:
    protocol = registry.task(request.param).protocols["smoke"]
    return TASKS[request.param](protocol, 0, ArtifactStore(tmp_path), salt="a secret")


def opened(harness: InteractionHarness) -> LearningPhase:
    return harness.open(harness.protocol.phases[0], {}, lambda fraction, line: None)


def stepped(env: Any) -> None:
    env.step(np.zeros_like(env.action_space.sample()))


def test_actions_tried_in_a_copy_are_paid_for(harness: InteractionHarness) -> None:
    phase = opened(harness)
    env = phase.make_env(3)
    env.reset(seed=phase.seed)
    for made in (copy.deepcopy(env), copy.copy(env), copy.deepcopy(copy.deepcopy(env))):
        before = phase.meter.used
        stepped(made)
        assert phase.meter.used == before + 3
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(phase.meter)


def test_a_copied_phase_and_more_worlds_share_one_budget(harness: InteractionHarness) -> None:
    phase = opened(harness)
    other, limit = copy.deepcopy(phase), phase.meter.budget.limit
    phase.meter.spend(limit - 3)
    envs = [phase.make_env(2), other.make_env(2)]
    for env in envs:
        env.reset(seed=1)
    stepped(envs[1])
    for env in envs:
        with pytest.raises(BudgetExceeded):
            stepped(env)
    assert phase.meter.used == limit - 1


def test_starts_that_are_scored_cannot_be_practised(harness: InteractionHarness) -> None:
    phase = opened(harness)
    scored = [int(row["seed"]) for row in harness.schedule(harness.protocol, harness.salt)]
    env = phase.make_env(3)
    asked: list[Any] = [scored[0], scored[0] - 2, np.int64(scored[1] - 1), [None, scored[2], 0]]
    for seed in asked:
        with pytest.raises(UserError, match="an episode that is scored"):
            env.reset(seed=seed)
        with pytest.raises(UserError, match="an episode that is scored"):
            copy.deepcopy(env).reset(seed=seed)
    env.reset(seed=[1, None, 2])
    env.reset(seed=scored[0] - 3)


@pytest.mark.parametrize("number", [0, -1, 1.5, "2", True])
def test_there_are_no_other_numbers_of_worlds(harness: InteractionHarness, number: Any) -> None:
    with pytest.raises(UserError, match="num_envs must be a whole number"):
        opened(harness).make_env(number)


def test_resets_show_beginnings_alone(harness: InteractionHarness) -> None:
    """No step is had for nothing, in whatever order episodes are begun."""
    phase = opened(harness)
    env = phase.make_env(2)
    first, _ = env.reset(seed=[5, 6])
    for _ in range(3):
        again, _ = env.reset(seed=[5, 6])
        np.testing.assert_array_equal(again, first)
    env.reset(options={"reset_mask": np.array([True, False])})
    assert phase.meter.used == 0


class Hiding(int):
    """Says that it is another number."""

    def __int__(self) -> int:
        return 1

    def __index__(self) -> int:
        return 1


def test_seeds_of_types_of_ones_own_hide_nothing(harness: InteractionHarness) -> None:
    scored = harness.schedule(harness.protocol, harness.salt)[0]["seed"]
    env = opened(harness).make_env(1)
    with pytest.raises(UserError, match="an episode that is scored"):
        env.reset(seed=Hiding(scored))


@pytest.mark.parametrize("seed", [1.5, "1", object(), [0.5]])
def test_what_is_no_seed_is_said_to_be_none(harness: InteractionHarness, seed: Any) -> None:
    with pytest.raises(UserError, match="A seed is a whole number"):
        opened(harness).make_env(1).reset(seed=seed)
