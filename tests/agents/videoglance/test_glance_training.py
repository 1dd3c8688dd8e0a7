"""Training of glances: a killed one goes on to the same weights, and pays for nothing twice."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from leapbench.agents.videoglance.common.model import GlanceModel
from leapbench.contract.agent import LearningPhase
from leapbench.contract.checkpoints import Checkpoints
from leapbench.contract.meter import Meter, MeteredStream
from leapbench.contract.task import Budget
from leapbench.envs.videoglance.reader import Reader
from leapbench.envs.videoglance.shape import shape_of
from leapbench.errors import UserError

NETWORK = {
    "channels": 1,
    "volume": [8, 32, 32],
    "cube": [4, 16, 16],
    "counts": [2, 2, 2],
    "classes": 3,
    "looks": 2,
}


class Killed(Exception):
    """What stands in for the end of the process."""


def opened(folder: Path, every: int = 8) -> LearningPhase:
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 255, (20, 8, 32, 32), np.uint8)
    meter = Meter(Budget(unit="clips", limit=60))
    settings = {"network": NETWORK, "lr": 0.01, "batch": 4, "save_every": every}
    phase = LearningPhase("train", meter, 5, settings)
    phase.data = MeteredStream(frames, rng.integers(0, 3, 20), meter)
    torch.manual_seed(1)
    weights = Reader(shape_of(NETWORK)).state_dict()
    phase.data.warm = {name: value.numpy() for name, value in weights.items()}  # type: ignore[attr-defined]
    phase.checkpoints = Checkpoints(folder)
    phase.checkpoints.resume(meter)
    return phase


def killed_at(phase: LearningPhase, used: int) -> LearningPhase:
    def report(fraction: float, line: str) -> None:
        if phase.meter.used >= used:
            raise Killed

    phase.report = report
    return phase


@pytest.mark.parametrize("place", ["deep-features", "glance-map", "reinforce", "random"])
@pytest.mark.parametrize("used", [12, 28, 52])
def test_a_killed_training_goes_on_to_the_same_weights(
    place: str, used: int, tmp_path: Path
) -> None:
    whole = GlanceModel(place)
    whole.learn(opened(tmp_path / "whole"))
    with pytest.raises(Killed):
        GlanceModel(place).learn(killed_at(opened(tmp_path / "parts"), used))
    again, phase = GlanceModel(place), opened(tmp_path / "parts")
    assert 0 < phase.meter.used <= used
    assert used - phase.meter.used < 8 + 4
    again.learn(phase)
    assert phase.meter.used == 60
    assert again.log == whole.log
    first, second = (each.network.state_dict() for each in (whole, again))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_damaged_save_is_not_thrown_away(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        GlanceModel().learn(killed_at(opened(tmp_path), 20))
    (found,) = tmp_path.glob("*/state.json")
    found.write_text("{}")
    with pytest.raises(UserError, match="cannot be read"):
        GlanceModel().learn(opened(tmp_path))


def test_settings_alone_decide_whether_there_are_saves(tmp_path: Path) -> None:
    phase: Any = opened(tmp_path, every=0)
    phase.checkpoints = SimpleNamespace(latest=None, write=None)
    GlanceModel("random").learn(phase)
