"""APS finds the skill that a task asks for by least squares."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from leapbench.agents.urlb.aps.features import Features
from leapbench.agents.urlb.aps.policy import Aps
from leapbench.agents.urlb.aps.regression import Regressor
from leapbench.agents.urlb.common.ddpg import DDPG, Backbone
from leapbench.agents.urlb.common.entropy import ParticleEntropy
from leapbench.agents.urlb.common.replay import Sizes, TransitionReplay
from leapbench.agents.urlb.common.skills import SphereSkills
from leapbench.contract.agent import LearningPhase
from leapbench.contract.meter import Meter
from leapbench.contract.task import Budget
from leapbench.errors import UserError
from leapbench.tasks.urlb import worlds

SIZES = Sizes(3, 2, 4)
POINT = "leapbench/URLB-EntropyPoint-v0"
SMALL = {"hidden": 16, "batch": 16, "warmup": 100, "skill": 4}


def test_direction_is_the_one_that_made_the_rewards() -> None:
    """With one-step returns of w . phi / |phi|, w is found again up to its length."""
    torch.manual_seed(0)
    features = Features(SIZES, 16, 1e-3, ParticleEntropy(4, "none", 0.0))
    learner = DDPG(SIZES, Backbone(hidden=16, batch=8, rate=1e-3, every=1, warmup=0, steps=1), 0, 4)
    wanted = np.array([0.5, -1.0, 2.0, 0.25])
    rng, replay = np.random.default_rng(0), TransitionReplay(SIZES, 400, 100, 1, 0.99)
    for _ in range(3):
        seen = rng.standard_normal((101, 3)).astype(np.float32)
        with torch.no_grad():
            units = functional.normalize(features.net(torch.from_numpy(seen)), dim=1).numpy()
        for step in range(100):
            reward = float(units[step + 1] @ wanted)
            replay.add(seen[step], np.zeros(4, np.float32), np.zeros(2, np.float32), 0, reward)
        replay.finish(seen[100], False)
    tuner = Regressor(learner, SphereSkills(4, 5), 100, 0, "random", features)
    tuner.end_warmup(replay)
    assert tuner.warmed_up
    assert tuner.chosen == pytest.approx(wanted / np.linalg.norm(wanted), abs=1e-3)
    assert replay.sample(5, rng).skill.numpy() == pytest.approx(np.tile(tuner.chosen, (5, 1)))


def opened(name: str, limit: int) -> LearningPhase:
    meter = Meter(Budget(unit="steps", limit=limit))
    world = {"horizon": 50, "noise": 0.0} | ({} if name == "pretrain" else {"task": "calm"})
    make = partial(worlds.training, POINT, world, name == "finetune", meter)
    return LearningPhase(name, meter, 3, {"horizon": 50}, make_env=make)


def test_features_are_saved_for_the_regression(tmp_path: Path) -> None:
    chosen = []
    for choice in ("regress", "constant"):
        folder = tmp_path / choice
        folder.mkdir()
        agent = Aps(**SMALL, choice=choice)  # type: ignore[arg-type]
        agent.learn(opened("pretrain", 200))
        agent.save(folder)
        again = Aps(**SMALL, choice=choice)  # type: ignore[arg-type]
        again.load(folder)
        again.learn(opened("finetune", 200))
        chosen.append(again.chosen)
    assert np.linalg.norm(chosen[0]) == pytest.approx(1)
    assert chosen[1] == pytest.approx(np.full(4, 0.5))
    assert np.abs(chosen[0] - chosen[1]).max() > 1e-3


def test_only_aps_regresses() -> None:
    from leapbench.agents.urlb.diayn.policy import Diayn

    with pytest.raises(UserError, match="choice must be one of search, constant, random"):
        Diayn(choice="regress")
