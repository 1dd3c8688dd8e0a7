"""The table of candidates: cameras against brute force, the field as the environment tells it."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from leapbench.envs.activeview.table import ObservationMode, ViewColumn, ViewTable

TINY: dict[str, Any] = {
    "candidates": 9,
    "tests": 2,
    "resolution": 12,
    "views": 4,
    "first": 15,
    "iterations": 5,
    "field": {"resolution": 12, "coarse": 12, "samples": 12, "rays": 64},
}


def world(mode: ObservationMode, **arguments: Any) -> ViewTable:
    made = gym.make("leapbench/ActiveView-Niche-v0", disable_env_checker=True, **arguments)
    return ViewTable(made, mode)


def test_cameras_are_compared_with_those_that_took_views() -> None:
    env = world("cameras", **TINY)
    table, _ = env.reset(seed=3)
    for action in (5, 0):
        table = env.step(action)[0]
    referee = env.unwrapped.episode.referee  # type: ignore[attr-defined]
    for row, pose in zip(table, referee.capture.candidates, strict=True):
        taken = referee.views.poses
        assert row[ViewColumn.X : ViewColumn.Z + 1] == pytest.approx(pose[:3, 3])
        apart = min(np.linalg.norm(pose[:3, 3] - other[:3, 3]) for other in taken)
        assert row[ViewColumn.DISTANCE] == pytest.approx(apart, abs=1e-5)
        along = max(float(pose[:3, 2] @ other[:3, 2]) for other in taken)
        assert np.cos(row[ViewColumn.ANGLE]) == pytest.approx(along, abs=1e-5)
    assert np.flatnonzero(table[:, ViewColumn.FREE] == 0).tolist() == [0, 5]
    assert (table[:, ViewColumn.LEFT] == 0.5).all()
    assert (table[:, ViewColumn.VARIANCE :] == 0).all()
    assert referee.renders == 0  # nobody pays for what nobody looks at


def test_the_field_is_what_the_environment_tells_of_it() -> None:
    env, plain = (
        world("field", **TINY),
        gym.make("leapbench/ActiveView-Niche-v0", features=True, **TINY),
    )
    table, _ = env.reset(seed=3)
    seen = plain.reset(seed=3)[0]["candidate_features"]
    assert (table[:, ViewColumn.VARIANCE : ViewColumn.OPACITY + 1] == seen[:, :5]).all()
    assert (table[:, ViewColumn.BATCH_GAIN] == table[:, ViewColumn.GAIN]).all()
    assert table[:, ViewColumn.DISTANCE] == pytest.approx(seen[:, 5], abs=1e-5)


def test_within_a_batch_a_view_lowers_what_its_likes_would_tell() -> None:
    env = world("batch", batch=4, **TINY)
    before, _ = env.reset(seed=3)
    assert (before[:, ViewColumn.BATCH_GAIN] == before[:, ViewColumn.GAIN]).all()
    one = env.step(2)[0]
    assert (
        one[:, ViewColumn.GAIN] == before[:, ViewColumn.GAIN]
    ).all()  # the field has not changed
    assert (one[:, ViewColumn.BATCH_GAIN] <= one[:, ViewColumn.GAIN] * 1.0001).all()
    lost = 1 - one[:, ViewColumn.BATCH_OPACITY_GAIN] / one[:, ViewColumn.OPACITY_GAIN]
    assert lost.argmax() == 2  # most of all what it has seen itself
    two = env.step(7)[0]
    assert (two[:, ViewColumn.BATCH_GAIN] <= one[:, ViewColumn.BATCH_GAIN] * 1.0001).all()
    assert two[7, ViewColumn.BATCH_GAIN] < one[7, ViewColumn.BATCH_GAIN]


def test_after_training_nothing_is_left_of_a_batch() -> None:
    env = world("batch", batch=2, **TINY)
    env.reset(seed=3)
    env.step(1)
    trained = env.step(2)[0]
    assert (trained[:, ViewColumn.BATCH_GAIN] == trained[:, ViewColumn.GAIN]).all()
