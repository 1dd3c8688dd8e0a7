"""The family's worlds: ledgers, budgets, moves, rewards."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from leapbench.envs.sparsify.base import SparsifyEnv
from leapbench.errors import UserError
from leapbench.testing import small_spec

IDS = [f"leapbench/Sparsify-{name}-v0" for name in ("Dynamic", "Static", "Prune")]
BOXES = [f"leapbench/Sparsify-{name}Box-v0" for name in ("Dynamic", "Static", "Prune")]


def made(name: str, **arguments: Any) -> tuple[gym.Env, SparsifyEnv]:
    env = gym.make(small_spec(name), **arguments)
    return env, env.unwrapped  # type: ignore[return-value]


@pytest.mark.parametrize("name", [*IDS, *BOXES])
def test_every_episode_ends_inside_both_ledgers(name: str) -> None:
    env, world = made(name)
    for seed in range(2):
        env.reset(seed=seed)
        env.action_space.seed(seed)
        over, total = False, 0.0
        while not over:
            _, reward, over, _, info = env.step(env.action_space.sample())
            total += reward
            training = world.training
            assert info["spent"] <= info["limit"]
            if training.iteration > training.deadline:
                assert info["kept"] <= info["budget"]
        assert info["kept"] == info["budget"]
        assert training.kept() <= info["budget"]
        first = np.mean(list(world._constant_gains().values()))
        assert total == pytest.approx(world.score - first)


@pytest.mark.parametrize("name", IDS)
def test_a_small_ledger_ends_the_episode_early(name: str) -> None:
    env, world = made(name, compute=0.02)
    env.reset(seed=0)
    for _ in range(world.rounds):
        _, _, over, _, info = env.step(0)
        if over:
            break
    assert over
    assert info["iterations"] < world.job.iterations
    assert info["spent"] <= info["limit"]
    assert info["kept"] <= info["budget"]


def test_every_move_of_every_world_can_be_made() -> None:
    for name in IDS:
        env, world = made(name)
        for action, _ in enumerate(world.moves):
            env.reset(seed=0)
            _, reward, *_ = env.step(action)
            assert np.isfinite(reward)


def test_moves_move_weights_where_they_say() -> None:
    env, world = made(IDS[0], width=1.0, size=16)
    head = np.repeat([o == 1 for o in world.facts.owners], world.facts.sizes)
    shared = np.repeat([o == -1 for o in world.facts.owners], world.facts.sizes)
    counts = {}
    for move in ("train", "give-depth", "take-depth"):
        env.reset(seed=0)
        env.step(world.moves.index(move))
        mask = world.training.mask
        counts[move] = (int(mask[head].sum()), int(mask[shared].sum()))
        assert mask.sum() == world.facts.budget
    assert counts["give-depth"][0] > counts["train"][0] > counts["take-depth"][0]
    assert counts["give-depth"][1] < counts["train"][1] < counts["take-depth"][1]


def test_observing_and_scoring_are_paid_for() -> None:
    env, world = made(IDS[0])
    env.reset(seed=0)
    spent = world.training.spent
    assert spent > 0  # the first observation's pass
    cost = world.training.update_cost
    env.step(world.moves.index("train"))
    plain = world.training.spent - spent
    assert plain > cost * world.job.iterations // world.rounds  # updates, and a pass to look
    env.reset(seed=0)
    env.step(world.moves.index("union"))
    assert world.training.spent - spent > plain


def test_the_test_pictures_are_in_no_observation_and_no_reward() -> None:
    rows = []
    for test_seed in (2, 77):
        env, _ = made(IDS[0], test_seed=test_seed)
        seen, _ = env.reset(seed=1)
        told = [env.step(2)[:2] for _ in range(3)]
        rows.append([seen.tolist(), [(o.tolist(), r) for o, r in told]])
    assert rows[0] == rows[1]


def test_the_observation_is_named_and_says_what_is_there() -> None:
    env, world = made(IDS[0], width=1.0, size=16)
    seen, _ = env.reset(seed=0)
    names = world.encoder.names
    assert len(names) == len(seen) == len(set(names))
    named = dict(zip(names, seen, strict=True))
    densities = [named[f"density/{group}"] for group in world.encoder.groups]
    assert np.dot(densities, world.encoder.sizes) == pytest.approx(world.facts.budget, abs=0.5)
    for task in world.facts.tasks:
        share = sum(named[f"growth/{group}/{task}"] for group in world.encoder.groups)
        assert share == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    "wrong",
    [
        {"rounds": 0},
        {"rounds": 9},
        {"size": (8, 16)},
        {"sparsity": 1.5},
        {"actions": "words"},
        {"data": "/nowhere/at/all"},
        {"tasks": ["depth", "seg"]},
        {"lambdas": [1.0]},
    ],
)
def test_wrong_arguments_are_mistakes_of_the_user(wrong: dict[str, Any]) -> None:
    with pytest.raises(UserError):
        made(IDS[0], **wrong)
