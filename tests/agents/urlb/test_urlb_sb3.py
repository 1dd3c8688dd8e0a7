"""SAC and DDPG of Stable-Baselines3 as outside references."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from leapbench.agents.urlb.sb3.policy import DDPG, SAC, FromScratch
from leapbench.contract.agent import LearningPhase
from leapbench.contract.meter import Meter
from leapbench.contract.task import Budget
from leapbench.errors import UserError
from leapbench.tasks.urlb import worlds

POINT = "leapbench/URLB-EntropyPoint-v0"
WORLD = {"horizon": 50, "gain": 0.1, "width": 0.4, "noise": 0.0, "task": "calm"}
SMALL = {"hidden": 32, "batch": 64, "warmup": 300, "every": 1, "rate": 1e-3}
KINDS = [SAC, DDPG]


def opened(name: str, limit: int, environment: str = POINT, **world: object) -> LearningPhase:
    meter = Meter(Budget(unit="steps", limit=limit))
    arguments = world if environment != POINT else WORLD | world
    make = partial(worlds.training, environment, arguments, name == "finetune", meter)
    return LearningPhase(name, meter, 3, {"horizon": 50}, make_env=make)


def earned(policy: FromScratch) -> float:
    """Mean return of ten greedy episodes."""
    env = worlds.make(POINT, 10, WORLD, worlds.AutoresetMode.DISABLED)
    seen, _ = env.reset(seed=list(range(10)))
    total = 0.0
    for _ in range(50):
        seen, reward, *_ = env.step(policy.predict(seen)[0])
        total += float(reward.mean())
    return total


@pytest.mark.parametrize("kind", KINDS)
def test_spends_the_budget_and_beats_random(kind: type[FromScratch]) -> None:
    policy, phase = kind(**SMALL), opened("pretrain", 500)
    policy.learn(phase)
    assert phase.meter.used == 0
    chance = earned(policy)
    phase = opened("finetune", 1200)
    policy.learn(phase)
    assert phase.meter.left == 0
    assert earned(policy) > 1.5 * chance


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_same_actions_saved_or_not(kind: type[FromScratch], tmp_path: Path) -> None:
    seen = np.random.default_rng(0).standard_normal((6, 4)).astype(np.float32)
    learned = []
    for _ in range(2):
        policy = kind(**SMALL)
        policy.learn(opened("finetune", 320))
        learned.append(policy)
    first, second = (each.predict(seen)[0] for each in learned)
    assert first.dtype == np.float32
    assert np.abs(first).max() <= 1
    assert first.tobytes() == second.tobytes()
    learned[0].save(tmp_path)
    again = kind(**SMALL)
    again.load(tmp_path)
    assert again.predict(seen)[0].tobytes() == first.tobytes()


def test_mistakes_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="batch must be 1 or more, got 0"):
        SAC(batch=0)
    with pytest.raises(UserError, match="noise must be 0 or more"):
        DDPG(noise=-1.0)
    with pytest.raises(UserError, match="nothing learned"):
        SAC().predict(np.zeros((1, 4), np.float32))
    with pytest.raises(UserError, match="holds no SAC"):
        SAC().load(tmp_path)
    with pytest.raises(UserError, match="numbers in a row"):
        SAC().learn(opened("finetune", 300, "leapbench/URLB-EntropyGrid-v0", task="shelter"))
