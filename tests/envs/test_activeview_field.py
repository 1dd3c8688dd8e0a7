"""The voxel field: gradients, learning, determinism, skipping and what it says of cameras."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from leapbench.envs.activeview.field import FieldSettings, VoxelField, passes
from leapbench.envs.activeview.field.passes import trace
from leapbench.envs.activeview.field.rays import rays_of
from leapbench.errors import UserError

SIDE = 20
INTRINSICS = (26.0, 26.0, 10.0, 10.0)
SMALL = FieldSettings(resolution=20, coarse=10, coarse_iterations=30, samples=24, rays=512)


def camera(azimuth: float, elevation: float) -> np.ndarray:
    """At distance 2.8 from the origin, towards it, as float32 (4, 4)."""
    level = np.cos(elevation)
    back = np.array([level * np.cos(azimuth), level * np.sin(azimuth), np.sin(elevation)])
    right = np.cross([0, 0, 1], back)
    right /= np.linalg.norm(right)
    pose = np.eye(4, dtype=np.float32)
    pose[:3] = np.stack((right, np.cross(back, right), back, 2.8 * back), 1)
    return pose


def photograph(pose: np.ndarray) -> np.ndarray:
    """Of a ball of radius 0.6 whose colour is its normal, uint8 (SIDE, SIDE, 3)."""
    origins, directions = (
        part.numpy() for part in rays_of(torch.tensor(pose), INTRINSICS, SIDE, SIDE)
    )
    half = (origins * directions).sum(1)
    under = half**2 - (origins**2).sum(1) + 0.36
    points = origins + directions * (-half - np.sqrt(under.clip(0)))[:, None]
    colours = np.where((under > 0)[:, None], 0.5 + 0.5 * points / 0.6, 1.0)
    return (colours * 255).round().astype(np.uint8).reshape(SIDE, SIDE, 3)


def cameras(count: int, turn: float = 0.0) -> np.ndarray:
    return np.stack([camera(turn + 2.4 * k, 0.2 + 0.3 * (k % 3)) for k in range(count)])


@pytest.fixture(scope="module")
def trained() -> VoxelField:
    field, poses = VoxelField(SMALL, 0), cameras(8)
    field.observe(np.stack([photograph(pose) for pose in poses]), poses, INTRINSICS)
    field.train(150)
    return field


def error(field: VoxelField, poses: np.ndarray) -> float:
    """Mean squared error over cameras."""
    views = [field.render(pose, INTRINSICS, SIDE, SIDE).colour.numpy() for pose in poses]
    truths = [photograph(pose) / 255 for pose in poses]
    return float(np.mean([(view - truth) ** 2 for view, truth in zip(views, truths, strict=True)]))


def test_hidden_views_are_rendered(trained: VoxelField) -> None:
    assert -10 * np.log10(error(trained, cameras(5, 0.7))) > 24


def test_render_shapes_and_ranges(trained: VoxelField) -> None:
    seen = trained.render(camera(0.3, 0.4), INTRINSICS, 12, 16)
    assert seen.colour.shape == (12, 16, 3)
    assert all(part.shape == (12, 16) for part in seen[1:])
    assert all(part.dtype == torch.float32 for part in seen)
    assert 0 <= seen.colour.min() <= seen.colour.max() <= 1
    assert seen.variance.min() >= 0


def test_depth_of_the_nearest_point(trained: VoxelField) -> None:
    seen = trained.render(camera(0.3, 0.4), INTRINSICS, SIDE, SIDE)
    assert float(seen.depth[10, 10]) == pytest.approx(2.2, abs=0.12)
    assert float(seen.opacity[10, 10]) > 0.95
    assert float(seen.opacity[0, 0]) < 0.05


def test_training_is_deterministic_and_a_copy_is_independent(trained: VoxelField) -> None:
    first, second = trained.copy(), trained.copy()
    first.train(5)
    assert not torch.equal(first.tables.density, trained.tables.density)
    assert torch.equal(second.tables.density, trained.tables.density)
    second.train(5)
    for one, other in zip(first.tables, second.tables, strict=True):
        assert torch.equal(one, other)


def test_a_copy_goes_on_across_a_refinement() -> None:
    poses = cameras(3)
    field = VoxelField(SMALL, 1)
    field.observe(np.stack([photograph(pose) for pose in poses]), poses, INTRINSICS)
    field.train(20)
    other = field.copy()
    other.train(20)
    assert (field.resolution, other.resolution) == (10, 20)
    field.train(20)
    assert torch.equal(field.tables.appearance, other.tables.appearance)


def test_training_before_observing_is_a_users_mistake() -> None:
    with pytest.raises(UserError, match="observe"):
        VoxelField(SMALL, 0).train(1)


def test_images_need_as_many_poses() -> None:
    with pytest.raises(UserError, match="2 images"):
        VoxelField(SMALL, 0).observe(np.zeros((2, 4, 4, 3), np.uint8), cameras(3), INTRINSICS)


def test_skipping_empty_cells_barely_changes_what_is_traced(trained: VoxelField) -> None:
    empty = passes.empty_cells(trained.tables.density, trained.resolution)
    assert 0.3 < float(empty.float().mean()) < 1
    batch = trained.copy()._batch()
    skipped = trace(trained.tables.density, batch, 24, trained.resolution, empty)
    whole = trace(trained.tables.density, batch, 24, trained.resolution, torch.zeros_like(empty))
    assert len(skipped.kept) < 0.8 * len(whole.kept)
    assert float((skipped.weights - whole.weights).abs().sum(1).mean()) < 0.05


def test_empty_cells_need_all_corners_empty() -> None:
    density = torch.full((4, 4, 4), -9.0)
    density[1, 2, 1] = 3.0
    empty = passes.empty_cells(density.view(-1), 4).view(4, 4, 4)[:3, :3, :3]
    full = {tuple(index) for index in (~empty).nonzero().tolist()}
    assert full == {(i, j, k) for i in (0, 1) for j in (1, 2) for k in (0, 1)}


def test_features_of_cameras(trained: VoxelField) -> None:
    poses = np.stack([camera(0.3, 0.4), camera(0.3, 0.4), camera(2.0, 0.4)])
    away = poses[1].copy()
    away[:3, 0] *= -1
    away[:3, 2] *= -1  # turned round: it sees nothing of the box
    features = trained.features(np.stack((*poses, away)), INTRINSICS, 10, 10)
    assert features.shape == (4, 5)
    assert features.dtype == torch.float32
    torch.testing.assert_close(features[0], features[1])
    assert torch.equal(features[3], torch.zeros(5))
    assert (features[:3] > 0).all()
    opacity = trained.render(poses[2], INTRINSICS, 10, 10).opacity.mean()
    torch.testing.assert_close(features[2, 4], opacity)


def test_a_side_never_seen_is_worth_more() -> None:
    poses = np.stack([camera(azimuth, 0.4) for azimuth in (-0.4, 0.0, 0.4, 0.8)])
    field = VoxelField(SMALL, 0)
    field.observe(np.stack([photograph(pose) for pose in poses]), poses, INTRINSICS)
    field.train(150)
    near, far = field.features(np.stack((camera(0.2, 0.4), camera(3.3, 0.4))), INTRINSICS, 20, 20)
    assert (far[[0, 2]] > 1.3 * near[[0, 2]]).all()
    assert far[3] > near[3]


def test_an_anticipated_view_is_worth_less(trained: VoxelField) -> None:
    poses = np.stack((camera(0.3, 0.4), camera(3.4, 0.4)))
    before = trained.features(poses, INTRINSICS, 10, 10)
    other = trained.anticipate(poses[0], INTRINSICS, 10, 10)
    after = other.features(poses, INTRINSICS, 10, 10)
    lost = 1 - after[:, 2] / before[:, 2]
    assert lost[0] > 0.05 + lost[1].abs()
    assert torch.equal(trained.features(poses, INTRINSICS, 10, 10), before)
