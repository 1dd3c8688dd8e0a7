"""The voxel field: gradients, learning, determinism, skipping and what it says of cameras."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from leapbench.envs.activeview.field import FieldSettings, Likelihood, VoxelField, lattice, passes
from leapbench.envs.activeview.field.base import places
from leapbench.envs.activeview.field.lattice import Cells
from leapbench.envs.activeview.field.passes import Batch, Tables, accumulate, trace
from leapbench.envs.activeview.field.rays import Rays, rays_of
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


@pytest.mark.parametrize(
    "kind",
    [
        Likelihood(),
        Likelihood(squared=0.0, weight=1.0, density=0.1),
        Likelihood(squared=0.5, weight=0.3, channels="mean"),
    ],
)
def test_written_gradients_are_those_of_autograd(
    kind: Likelihood, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passes, "DARK", -1.0)  # nothing is left out
    rng = torch.Generator().manual_seed(3)
    resolution, samples = 6, 9
    rays = rays_of(torch.tensor(cameras(1)[0]), INTRINSICS, SIDE, SIDE)
    rays = Rays(*(part[150:250] for part in rays))
    distances, steps = places(rays, samples)
    points = rays.origins.t()[..., None] + rays.directions.t()[..., None] * distances
    cells = lattice.cells(points.reshape(3, -1), resolution)
    batch = Batch(cells, steps, torch.rand(len(steps), 3, generator=rng))
    tables = Tables(
        torch.randn(resolution**3, generator=rng) - 1, torch.randn(resolution**3, 4, generator=rng)
    )
    into = Tables(*(torch.zeros_like(table) for table in tables))
    nothing = torch.zeros(resolution**3, dtype=torch.bool)
    traced = trace(tables.density, batch, samples, resolution, nothing)
    value = accumulate(tables, into, batch, traced, kind, 0.01)

    leaves = Tables(*(table.clone().requires_grad_() for table in tables))
    expected = reference_loss(leaves, batch, samples, resolution, kind)
    expected.backward()
    assert value.item() == pytest.approx(
        expected.item() - penalty(leaves, batch, kind, resolution), rel=1e-4
    )
    for gradient, leaf in zip(into, leaves, strict=True):
        torch.testing.assert_close(gradient, leaf.grad, rtol=1e-3, atol=1e-7)


def reference_loss(
    tables: Tables, batch: Batch, samples: int, resolution: int, kind: Likelihood
) -> torch.Tensor:
    """Eq 4, 9 and 12 with autograd, sample by sample."""
    at = lattice.corners(batch.cells, resolution)
    density = densities(tables, batch, resolution).view(-1, samples)
    held = torch.einsum("km,kmc->mc", at.weight, tables.appearance[at.vertex.long()])
    colours = held[:, :3].sigmoid().view(-1, samples, 3)
    variances = (0.01 + torch.nn.functional.softplus(held[:, 3])).view(-1, samples)
    light, colour, variance = 1.0, 0.0, kind.floor
    for s in range(samples):
        opacity = 1 - torch.exp(-density[:, s] * batch.steps[:, 0])
        weight, light = light * opacity, light * (1 - opacity)
        colour = colour + weight[:, None] * colours[:, s]
        variance = variance + weight**2 * variances[:, s]
    errors = (colour + light[:, None] - batch.truth) ** 2
    total = errors.sum(1) if kind.channels == "sum" else errors.mean(1)
    likelihood = total / (2 * variance) + variance.log() / 2 + kind.density * density.mean(1)
    return (kind.squared * errors.mean(1) + kind.weight * likelihood).mean()


def densities(tables: Tables, batch: Batch, resolution: int) -> torch.Tensor:
    at = lattice.corners(batch.cells, resolution)
    raw = (tables.density[at.vertex.long()] * at.weight).sum(0)
    return 8 * torch.nn.functional.softplus(raw)


def penalty(tables: Tables, batch: Batch, kind: Likelihood, resolution: int) -> float:
    """What the loss's value leaves out."""
    return kind.weight * kind.density * densities(tables, batch, resolution).mean().item()


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


def test_fisher_score_is_that_of_autograds_jacobian() -> None:
    """Samples so far apart that no two of a ray share a vertex: the diagonal is exact."""
    field = VoxelField(FieldSettings(resolution=12, coarse=12, samples=3, damping=0.1), 0)
    poses = cameras(2)
    images = np.stack([photograph(pose)[8:12, 8:12] for pose in poses])
    intrinsics = (26.0, 26.0, 2.0, 2.0)
    field.observe(images, poses, intrinsics)
    field.tables.density.normal_(-1, 1, generator=field.rng)
    field.tables.appearance.normal_(0, 1, generator=field.rng)
    candidate = rays_of(torch.tensor(camera(1.0, 0.5)), intrinsics, 4, 4)
    known, asked = (diagonal(field, rays) for rays in (field.rays, candidate))
    expected = (asked / (known + 0.1)).sum() / 16
    assert float(field.fisher(candidate, 1)) == pytest.approx(float(expected), rel=1e-3)


def diagonal(field: VoxelField, rays: Rays) -> torch.Tensor:
    """Sum over rays and channels of squared derivatives, by autograd; (G, 4)."""

    def colours(density: torch.Tensor, appearance: torch.Tensor) -> torch.Tensor:
        distances, steps = places(rays, 3)
        points = rays.origins.t()[..., None] + rays.directions.t()[..., None] * distances
        at = lattice.corners(lattice.cells(points.reshape(3, -1), 12), 12)
        raw = (density[at.vertex.long()] * at.weight).sum(0).view(-1, 3)
        held = torch.einsum("km,kmc->mc", at.weight, appearance[at.vertex.long()])
        thickness = 8 * torch.nn.functional.softplus(raw) * steps
        weights = (1 - torch.exp(-thickness)) * torch.exp(thickness - thickness.cumsum(1))
        shown = held[:, :3].sigmoid().view(-1, 3, 3)
        return (weights[..., None] * (shown - 1)).sum(1) + 1

    by_density, by_appearance = torch.autograd.functional.jacobian(colours, tuple(field.tables))
    squares = by_density.square().sum((0, 1))[:, None], by_appearance[..., :3].square().sum((0, 1))
    return torch.cat(squares, 1)


def test_cells_keep_what_lies_outside_at_the_edge() -> None:
    cells: Cells = lattice.cells(torch.tensor([[-3.0, 0.0, 3.0]] * 3), 5)
    assert cells.base.tolist() == [0, 2 * 25 + 2 * 5 + 2, 3 * 25 + 3 * 5 + 3]
    assert cells.fraction[:, 2].tolist() == [1.0, 1.0, 1.0]
