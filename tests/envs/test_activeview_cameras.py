"""Cameras and pools: projection undoes casting, and pools are what they say."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as limited
from hypothesis import strategies as st

from leapbench.envs.activeview.cameras import Optics, look_at, project, rays
from leapbench.envs.activeview.field import rays_of
from leapbench.envs.activeview.pools import (
    CENTRE,
    HIGHEST,
    LOWEST,
    POOLS,
    RADIUS,
    SECTOR,
    Pool,
    pose_at,
)

few = limited(max_examples=25, deadline=None)
LENS = Optics((30.0, 28.0, 11.0, 9.0), 20, 24)
somewhere = st.tuples(st.floats(-3, 3), st.floats(-3, 3), st.floats(0.2, 3)).filter(
    lambda place: np.hypot(place[0], place[1]) > 0.3
)


@few
@given(somewhere, st.floats(0.5, 5))
def test_projection_undoes_casting(place: tuple[float, float, float], far: float) -> None:
    pose = look_at(place, (0, 0, 0))
    origin, ways = rays(pose, LENS)
    pixels, depth = project(origin + np.float32(far) * ways, pose, LENS)
    rows, columns = np.divmod(np.arange(20 * 24), 24)
    assert pixels[0] == pytest.approx(columns + 0.5, abs=2e-3)
    assert pixels[1] == pytest.approx(rows + 0.5, abs=2e-3)
    assert (depth > 0).all()
    assert np.linalg.norm(ways, axis=0) == pytest.approx(np.ones(480), abs=1e-5)


@few
@given(somewhere)
def test_the_field_sees_along_the_same_rays(place: tuple[float, float, float]) -> None:
    pose = look_at(place, (0.1, 0, 0))
    origin, ways = rays(pose, LENS)
    theirs = rays_of(torch.as_tensor(pose), LENS.intrinsics, LENS.height, LENS.width)
    assert theirs.directions.numpy() == pytest.approx(ways.T, abs=1e-5)
    assert theirs.origins.numpy() == pytest.approx(np.repeat(origin.T, 480, 0), abs=1e-6)


@few
@given(somewhere)
def test_a_camera_is_upright_and_has_its_target_in_the_middle(
    place: tuple[float, float, float],
) -> None:
    pose = look_at(place, (0.2, -0.1, 0.1))
    assert pose[:3, :3].T @ pose[:3, :3] == pytest.approx(np.eye(3), abs=1e-5)
    assert np.linalg.det(pose[:3, :3]) == pytest.approx(1, abs=1e-5)
    assert pose[2, 0] == pytest.approx(0, abs=1e-6)
    assert pose[2, 1] > 0
    (x, y), _ = project(np.array([[0.2], [-0.1], [0.1]], np.float32), pose, LENS)
    assert (x[0], y[0]) == pytest.approx((11, 9), abs=1e-3)


def test_resized_pictures_show_the_same() -> None:
    pose, points = look_at((2, 1, 1), (0, 0, 0)), np.eye(3, dtype=np.float32)
    small, _ = project(points, pose, LENS)
    large, _ = project(points, pose, LENS.resized(60, 48))
    assert large == pytest.approx(small * [[2], [3]], rel=1e-5)


def angles(poses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x, y, z = (poses[:, :3, 3] - CENTRE).T
    return np.arctan2(y, x), np.arcsin(z / RADIUS)


def apart(azimuth: np.ndarray, middle: float) -> np.ndarray:
    return np.abs((azimuth - middle + np.pi) % (2 * np.pi) - np.pi)


@pytest.mark.parametrize("name", POOLS)
def test_all_cameras_stand_on_one_cap(name: str) -> None:
    pool = Pool(name, 4, 60, 20)
    cameras = pool.place(np.random.default_rng(3))
    assert [len(part) for part in cameras] == [4, pool.size, 20]
    assert pool.size == (80 if name == "decoy" else 60)
    for part in cameras:
        assert np.linalg.norm(part[:, :3, 3] - CENTRE, axis=1) == pytest.approx(RADIUS, rel=1e-5)
        _, elevation = angles(part)
        assert (elevation >= LOWEST - 1e-4).all()
        assert (elevation <= HIGHEST + 1e-4).all()


def test_pools_of_one_seed_share_initial_and_test_views() -> None:
    drawn = [Pool(name, 4, 30, 10).place(np.random.default_rng(5)) for name in POOLS]
    for other in drawn[1:]:
        assert np.array_equal(other.initial, drawn[0].initial)
        assert np.array_equal(other.test, drawn[0].test)


@pytest.mark.parametrize("seed", range(5))
def test_most_of_an_unbalanced_pool_is_where_the_initial_views_are(seed: int) -> None:
    cameras = Pool("unbalanced", 40, 200, 5).place(np.random.default_rng(seed))
    azimuth, _ = angles(cameras.initial)
    turned = np.angle(np.exp(1j * (azimuth - np.angle(np.exp(1j * azimuth).mean()))))
    assert np.ptp(turned) < SECTOR + 1e-4
    middle = azimuth[0] - turned[0] + (turned.max() + turned.min()) / 2
    inside = (apart(angles(cameras.candidates)[0], middle) < SECTOR / 2).mean()
    assert inside == pytest.approx(0.7 + 0.3 * SECTOR / (2 * np.pi), abs=0.1)
    even = Pool("balanced", 4, 200, 5).place(np.random.default_rng(seed)).candidates
    assert abs(np.exp(1j * angles(even)[0]).mean()) < 0.2


def test_decoys_look_past_the_middle_and_the_others_do_not() -> None:
    cameras = Pool("decoy", 4, 30, 5).place(np.random.default_rng(0))
    away = np.array(CENTRE) - cameras.candidates[:, :3, 3]
    cosine = np.einsum("ni,ni->n", -cameras.candidates[:, :3, 2], away) / RADIUS
    aside = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    assert (aside > 15).sum() == 10
    assert aside[aside > 15].min() >= 19 - 1e-3
    assert aside[aside <= 15].max() < 0.1
    assert (np.nonzero(aside > 15)[0] < 30).any()  # their indices tell nothing


def test_test_views_are_spread_evenly() -> None:
    azimuth, elevation = angles(Pool("balanced", 1, 1, 100).place(np.random.default_rng(0)).test)
    assert abs(np.exp(1j * azimuth).mean()) < 0.05
    low, high = np.sin(LOWEST), np.sin(HIGHEST)
    assert np.sin(elevation).mean() == pytest.approx((low + high) / 2, abs=0.01)


def test_a_named_place() -> None:
    pose = pose_at(np.pi / 2, np.pi / 6)
    assert pose[:3, 3] - CENTRE == pytest.approx([0, RADIUS * 3**0.5 / 2, RADIUS / 2], abs=1e-6)
