"""Practice worlds for anybody's loop, and the task's own episodes for what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

import leapbench as lb
from leapbench.api.elsewhere import chosen
from leapbench.api.fingerprint import digest
from leapbench.api.practice import practice
from leapbench.contract import registry, seeds
from leapbench.errors import InvalidOutput
from leapbench.testing import shrink, standing_in

COINS = "coins/small"
VIEWS = "activeview/niche"
GRID = "urlb/entropy-grid"
NOISY = "noisy-corner-1"


def heads(observation: Any) -> Any:
    return np.ones(len(observation), int)


def worst(observation: Any) -> Any:
    return np.zeros(len(observation), int)


@pytest.mark.parametrize("num", [1, 3])
def test_practice_is_a_vector_environment_that_nobody_meters(num: int, tmp_path: Path) -> None:
    task = registry.task(GRID)
    env = lb.make_env(GRID, num, out=tmp_path)
    assert env.num_envs == num
    limit = practice(task, task.protocols["smoke"]).budget.limit
    observation, _ = env.reset()
    rewards = 0.0
    for _ in range(limit // num + 2):
        observation, reward, *_ = env.step(np.zeros(num, np.int64))
        rewards += reward.sum()
    assert len(observation) == num


def test_the_same_seed_gives_the_same_world(tmp_path: Path) -> None:
    def seen(seed: int) -> list[Any]:
        env = lb.make_env(GRID, 4, seed=seed, phase=NOISY, out=tmp_path)
        return [env.reset()[0].tolist()] + [
            env.step(np.full(4, i % 4))[0].tolist() for i in range(30)
        ]

    assert seen(0) == seen(0) != seen(1)


def test_practice_has_no_seed_of_the_test() -> None:
    protocol = registry.task(GRID).protocols["smoke"]
    mine = seeds.stream(protocol.seed_key, "train", 1, 7, 0)
    assert not set(mine) & set(seeds.stream(protocol.seed_key, "test", 500))


def test_one_environment_is_plain_gymnasium(tmp_path: Path) -> None:
    env = lb.make_env(GRID, out=tmp_path)
    vector = lb.make_env(GRID, 1, out=tmp_path)
    assert isinstance(env, gym.Env)
    one, many = env.reset()[0], vector.reset()[0]
    ended = 0
    for i in range(250):
        assert env.observation_space.contains(np.asarray(one))
        assert np.array_equal(one, many[0])
        one, reward, terminated, truncated, _ = env.step(i % 4)
        many, rewards, *_ = vector.step(np.array([i % 4]))
        assert reward == rewards[0]
        if terminated or truncated:
            ended += 1
            one, _ = env.reset()
    assert ended > 0


def test_phases_have_names(tmp_path: Path) -> None:
    task = registry.task(GRID)
    assert practice(task, task.protocols["smoke"]).after == "pretrain-calm"
    assert lb.make_env(GRID, 1, phase="pretrain-noisy", out=tmp_path).num_envs == 1
    with pytest.raises(lb.UserError, match="has no practice 'noisy'"):
        lb.make_env(GRID, phase="noisy")


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize("form", ["function", "module", "predict"])
def test_whatever_acts_is_evaluated_and_shown_without_a_rank(form: str, tmp_path: Path) -> None:
    class Predicts:
        def predict(self, observation: Any, state: Any = None, **_: Any) -> tuple[Any, Any]:
            return heads(observation), state

    class Net(torch.nn.Module):
        def forward(self, seen: torch.Tensor) -> torch.Tensor:
            return torch.tensor([[0.0, 1.0]]).repeat(len(seen), 1)

    policy = {"function": heads, "module": Net(), "predict": Predicts()}[form]
    found = lb.evaluate(COINS, policy, name="mine", seeds="0-1", out=tmp_path, progress=False)
    assert [each.status for each in found] == ["ok", "ok"], found[0].message
    assert found[0].agent.ranked is False
    assert found[0].budget[1].used == 0
    board = lb.board(COINS, runs=tmp_path)
    assert board.ranked == ()
    assert [row.name for row in board.unranked] == ["toy-mean+mine"]
    assert len(board.unranked[0].scores) == 2
    own = lb.run(COINS, "toy-guess", out=tmp_path / "other", progress=False)
    assert found[0].episodes["seed"] == own[0].episodes["seed"]


def test_a_task_with_several_phases_takes_a_policy_for_each(tmp_path: Path) -> None:
    task = shrink(registry.task(GRID))
    names = [p.name for p in task.protocols["smoke"].phases if p.after]
    with standing_in(task):
        (made,) = lb.evaluate(GRID, {"": heads, names[0]: worst}, out=tmp_path, progress=False)
        assert made.status == "ok", made.message
        (plain,) = lb.evaluate(GRID, heads, out=tmp_path, progress=False)
        assert plain.digest() != made.digest()
        with pytest.raises(lb.UserError, match="has no phase 'calm'"):
            lb.evaluate(GRID, {"calm": heads})


def test_what_stable_baselines3_trained_outside_is_on_the_board(tmp_path: Path) -> None:
    from stable_baselines3 import PPO

    task = shrink(registry.task(VIEWS))
    with standing_in(task):
        env = lb.make_env(VIEWS, out=tmp_path)
        model = PPO("MlpPolicy", env, n_steps=8, batch_size=8, n_epochs=1, device="cpu")
        model.learn(8)
        (made,) = lb.evaluate(VIEWS, model, out=tmp_path, progress=False)
        assert made.status == "ok", made.message
        board = lb.board(VIEWS, tier="smoke", runs=tmp_path)
        assert made.agent.name in [row.name for row in board.unranked]
        assert "learned elsewhere" in board.tables[0].notes[0]


def test_what_is_no_policy_is_told(tmp_path: Path) -> None:
    for wrong in (3, torch.nn.Linear, {}):
        with pytest.raises(lb.UserError, match="no policy"):
            lb.evaluate(GRID, wrong, out=tmp_path)
    with pytest.raises(lb.UserError, match="2 policies for 1 seeds"):
        lb.evaluate(GRID, [heads, worst], out=tmp_path)


def test_answers_become_actions() -> None:
    discrete = gym.spaces.Discrete(3, start=1)
    assert chosen(np.array([[0.0, 2.0, 1.0]]), discrete).tolist() == [2]
    assert chosen(np.array([3]), discrete).tolist() == [3]
    with pytest.raises(InvalidOutput, match="scored 2 actions, there are 3"):
        chosen(np.zeros((1, 2)), discrete)
    box = gym.spaces.Box(-1, 1, (2,))
    assert chosen(np.array([[3.0, -0.5]]), box).tolist() == [[1.0, -0.5]]


def test_other_weights_are_another_policy() -> None:
    torch.manual_seed(0)
    first, second = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    assert digest(first) != digest(second)
    second.load_state_dict(first.state_dict())
    assert digest(first) == digest(second)
    assert digest(heads) != digest(worst)
    values = np.arange(6).reshape(3, 2)
    assert digest(greedy(values)) == digest(greedy(values.copy())) != digest(greedy(values + 1))
    third = torch.nn.Linear(2, 2)
    assert digest(lambda seen: first(seen)) != digest(lambda seen: third(seen))


def greedy(values: np.ndarray) -> Any:
    return lambda cells: values[cells].argmax(axis=1)
