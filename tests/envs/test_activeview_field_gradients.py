"""The written gradients and the Fisher score of a voxel field against automatic ones."""

from __future__ import annotations

import pytest
import torch

from leapbench.envs.activeview.field import FieldSettings, Likelihood, VoxelField, lattice, passes
from leapbench.envs.activeview.field.base import places
from leapbench.envs.activeview.field.lattice import Corners
from leapbench.envs.activeview.field.passes import RayBatch, Tables, accumulate, trace
from leapbench.envs.activeview.field.rays import Rays, rays_of


def rays_from(x: float, y: float, size: int) -> Rays:
    """Rays of a camera of size x size pixels, that looks down from height 2.5."""
    pose = torch.eye(4)
    pose[:3, 3] = torch.tensor([x, y, 2.5])
    return rays_of(pose, (1.2 * size, 1.2 * size, size / 2, size / 2), size, size)


def corners_of(rays: Rays, samples: int, resolution: int) -> tuple[Corners, torch.Tensor]:
    """Corners of the samples of rays, and the length that each stands for."""
    distances, steps = places(rays, samples)
    points = rays.origins.t()[..., None] + rays.directions.t()[..., None] * distances
    return lattice.corners(lattice.cells(points.reshape(3, -1), resolution), resolution), steps


def gathered(table: torch.Tensor, at: Corners) -> torch.Tensor:
    """A trilinear read by plain indexing: (M, K) of (G, K)."""
    return torch.einsum("km,kmc->mc", at.weight, table[at.vertex.long()])


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
    rays = rays_from(0.3, -0.2, 10)
    distances, steps = places(rays, samples)
    points = rays.origins.t()[..., None] + rays.directions.t()[..., None] * distances
    cells = lattice.cells(points.reshape(3, -1), resolution)
    batch = RayBatch(cells, steps, torch.rand(len(steps), 3, generator=rng))
    tables = Tables(
        torch.randn(resolution**3, generator=rng) - 1, torch.randn(resolution**3, 4, generator=rng)
    )
    into = Tables(*(torch.zeros_like(table) for table in tables))
    nothing = torch.zeros(resolution**3, dtype=torch.bool)
    traced = trace(tables.density, batch, samples, resolution, nothing)
    value = accumulate(tables, into, batch, traced, kind, 0.01)

    leaves = Tables(*(table.clone().requires_grad_() for table in tables))
    expected, penalty = reference_loss(leaves, batch, samples, resolution, kind)
    (expected + penalty).backward()
    assert value.item() == pytest.approx(expected.item(), rel=1e-4)
    for gradient, leaf in zip(into, leaves, strict=True):
        torch.testing.assert_close(gradient, leaf.grad, rtol=1e-3, atol=1e-7)


def reference_loss(
    tables: Tables, batch: RayBatch, samples: int, resolution: int, kind: Likelihood
) -> tuple[torch.Tensor, torch.Tensor]:
    """Eq 4, 9 and 12 with autograd, sample by sample; the density penalty by itself."""
    at = lattice.corners(batch.cells, resolution)
    raw = gathered(tables.density[:, None], at).view(-1, samples)
    density, held = 8 * torch.nn.functional.softplus(raw), gathered(tables.appearance, at)
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
    likelihood = total / (2 * variance) + variance.log() / 2
    loss = (kind.squared * errors.mean(1) + kind.weight * likelihood).mean()
    return loss, kind.weight * kind.density * density.mean()


def test_fisher_score_is_that_of_autograds_jacobian() -> None:
    """Samples so far apart that no two of a ray share a vertex: the diagonal is exact."""
    field = VoxelField(FieldSettings(resolution=12, coarse=12, samples=3, damping=0.1), 0)
    field.rays = rays_from(-0.2, 0.1, 4)
    field.colours = torch.zeros(16, 3)
    field.tables.density.normal_(-1, 1, generator=field.rng)
    field.tables.appearance.normal_(0, 1, generator=field.rng)
    candidate = rays_from(0.3, 0.2, 4)
    known, asked = (diagonal(field, rays) for rays in (field.rays, candidate))
    expected = (asked / (known + 0.1)).sum() / 16
    assert field.fisher(candidate, 1).item() == pytest.approx(expected.item(), rel=1e-3)


def diagonal(field: VoxelField, rays: Rays) -> torch.Tensor:
    """Sum over rays and channels of squared derivatives, by autograd; (G, 4)."""
    at, steps = corners_of(rays, 3, 12)

    def colours(density: torch.Tensor, appearance: torch.Tensor) -> torch.Tensor:
        raw = gathered(density[:, None], at).view(-1, 3)
        thickness = 8 * torch.nn.functional.softplus(raw) * steps
        weights = (1 - torch.exp(-thickness)) * torch.exp(thickness - thickness.cumsum(1))
        shown = gathered(appearance, at)[:, :3].sigmoid().view(-1, 3, 3)
        return (weights[..., None] * (shown - 1)).sum(1) + 1

    by_density, by_appearance = torch.autograd.functional.jacobian(colours, tuple(field.tables))
    squares = by_density.square().sum((0, 1))[:, None], by_appearance[..., :3].square().sum((0, 1))
    return torch.cat(squares, 1)
