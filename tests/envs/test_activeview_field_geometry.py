"""Closed forms of lattice reads and of rays."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from leapbench.envs.activeview.field import lattice
from leapbench.envs.activeview.field.rays import Rays, rays_of, spans

seeds = st.integers(0, 2**31 - 1)


def uniform(seed: int, *shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


@settings(max_examples=10, deadline=None)
@given(seeds, st.integers(2, 7))
def test_lattice_reads_what_is_trilinear_exactly(seed: int, resolution: int) -> None:
    points = 2 * uniform(seed, 3, 40) - 1
    line = torch.linspace(-1, 1, resolution)
    x, y, z = torch.meshgrid(line, line, line, indexing="ij")
    table = (1 + 2 * x - y + 3 * z + x * y * z).reshape(-1)
    at = lattice.corners(lattice.cells(points, resolution), resolution)
    read = lattice.read(table, at)
    if resolution == 2:  # one cell, in which the product too is trilinear
        expected = 1 + 2 * points[0] - points[1] + 3 * points[2] + points.prod(0)
        torch.testing.assert_close(read, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(lattice.read_rows(table[:, None], at)[:, 0], read)
    grid = table.view(1, 1, resolution, resolution, resolution)
    sampled = torch.nn.functional.grid_sample(
        grid, points.flip(0).t().view(1, 1, 1, -1, 3), align_corners=True
    )
    torch.testing.assert_close(read, sampled.view(-1), rtol=1e-4, atol=1e-5)


def test_adding_is_the_transpose_of_reading() -> None:
    table, values = uniform(0, 125, 2), uniform(1, 30, 2)
    at = lattice.corners(lattice.cells(2 * uniform(2, 3, 30) - 1, 5), 5)
    rows, column = torch.zeros(125, 2), torch.zeros(125)
    lattice.add_rows(rows, at, values.t())
    lattice.add(column, at, values[:, 0].contiguous())
    torch.testing.assert_close((rows * table).sum(), (lattice.read_rows(table, at) * values).sum())
    torch.testing.assert_close(column, rows[:, 0])


def test_refining_keeps_the_function() -> None:
    table = uniform(3, 4**3, 2)
    finer = lattice.refined(table, 4, 7)  # whose vertices include the old ones
    torch.testing.assert_close(finer.view(7, 7, 7, 2)[::2, ::2, ::2], table.view(4, 4, 4, 2))


def test_roughness_gradient_is_autograds() -> None:
    table = uniform(4, 5**3, 2).requires_grad_()
    grid = table.view(5, 5, 5, 2)
    roughness = sum(grid.diff(dim=axis).square().sum() / 2 for axis in range(3))
    (expected,) = torch.autograd.grad(roughness, table)
    torch.testing.assert_close(lattice.roughness_gradient(table.detach(), 5), expected)


def test_rays_go_through_the_centres_of_pixels() -> None:
    pose = torch.eye(4)
    pose[:3, 3] = torch.tensor([0.5, -0.2, 4.0])
    rays = rays_of(pose, (2.0, 3.0, 1.0, 1.5), 3, 2)
    middle = rays.directions[2] / -rays.directions[2, 2]  # row 1, column 0
    torch.testing.assert_close(middle, torch.tensor([-0.25, 0.0, -1.0]))
    first = rays.directions[1] / -rays.directions[1, 2]  # row 0, column 1: right and up
    torch.testing.assert_close(first, torch.tensor([0.25, 1 / 3, -1.0]))
    torch.testing.assert_close(rays.directions.norm(dim=1), torch.ones(6))
    torch.testing.assert_close(rays.origins, pose[:3, 3].expand(6, 3))
    both = rays_of(torch.stack((torch.eye(4), pose)), (2.0, 3.0, 1.0, 1.5), 3, 2)
    torch.testing.assert_close(both.directions[6:], rays.directions)


def test_spans_of_the_box() -> None:
    origins = torch.tensor([[0.0, 0, 3], [0, 0, 0], [3, 3, 3], [-3, 0.5, 0.5]])
    directions = torch.tensor([[0.0, 0, -1], [1, 0, 0], [0, 0, -1], [1, 0, 0]])
    near, far = spans(Rays(origins, directions))
    torch.testing.assert_close(near[[0, 1, 3]], torch.tensor([2.0, 0, 2]))
    torch.testing.assert_close(far[[0, 1, 3]], torch.tensor([4.0, 1, 4]))
    assert near[2] == far[2]


def test_cells_keep_what_lies_outside_at_the_edge() -> None:
    cells = lattice.cells(torch.tensor([[-3.0, 0.0, 3.0]] * 3), 5)
    assert cells.base.tolist() == [0, 2 * 25 + 2 * 5 + 2, 3 * 25 + 3 * 5 + 3]
    assert cells.fraction[:, 2].tolist() == [1.0, 1.0, 1.0]
