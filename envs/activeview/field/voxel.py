"""A radiance field on a lattice of vertices, whose gradients are written out for speed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import softplus

from leapbench.envs.activeview.field import gain, lattice, passes
from leapbench.envs.activeview.field.adam import Adam
from leapbench.envs.activeview.field.base import Field, places
from leapbench.envs.activeview.field.fisher import squared_jacobian
from leapbench.envs.activeview.field.lattice import Cells, Corners
from leapbench.envs.activeview.field.passes import SHARPNESS, RayBatch, Tables, accumulate, trace
from leapbench.envs.activeview.field.rays import Intrinsics, Rays, rays_of
from leapbench.envs.activeview.field.render import Samples, composite
from leapbench.envs.activeview.field.settings import FieldSettings

HAZE = -2.0
"""What vertices hold at first: a density of about 1, which lets light through to all of them."""
REVISED = 16
"""Iterations between two looks at which cells are empty; in the one that looks, none is skipped."""
INFORMED = 4096
"""Training rays, evenly spread, that the Fisher information is taken from."""
SMOOTHED = 4
"""Iterations between two that smooth, as many times as strongly."""


class VoxelField(Field):
    """Density, colour and variance at R^3 vertices, interpolated trilinearly.

    Vertices hold what softplus (density, variance) and sigmoid (colour) turn into
    values. Vertices that no ray has met keep the variance they began with, the large
    prior that a network can only be hoped to have there.

    An iteration draws rays over all views, skips samples in empty cells, reads
    density, reads colour where light arrives, and adds gradients by hand.
    """

    def __init__(self, settings: FieldSettings, seed: int) -> None:
        super().__init__(settings.device, seed)
        self.settings, self.iteration = settings, 0
        vertices = settings.coarse**3
        appearance = 0.1 * torch.randn(vertices, 4, generator=self.rng, device=self.device)
        appearance[:, 3] = 0
        density = torch.full((vertices,), HAZE, device=self.device)
        self._settle(Tables(density, appearance), settings.coarse)

    def _settle(self, tables: Tables, resolution: int) -> None:
        """Start the optimiser and the bookkeeping of a lattice."""
        self.tables, self.resolution = tables, resolution
        self.gradients = Tables(*(torch.zeros_like(table) for table in tables))
        self.adam = Adam(list(tables), self.settings.rate)
        self.evidence = torch.zeros_like(tables.density)
        self.empty = torch.zeros(len(tables.density), dtype=torch.bool, device=self.device)

    def _separate(self) -> None:
        self.tables = Tables(*(table.clone() for table in self.tables))
        self.gradients = Tables(*(table.clone() for table in self.gradients))
        self.adam = self.adam.copy(list(self.tables))
        self.evidence = self.evidence.clone()

    def sample(self, rays: Rays) -> Samples:
        """The field at the middles of the intervals of N rays."""
        distances, steps = places(rays, self.settings.samples)
        at = lattice.corners(self._cells(rays, distances), self.resolution)
        shape = distances.shape
        raw = lattice.read(self.tables.density, at)
        seen = lattice.read_rows(torch.column_stack((self.tables.appearance, self.evidence)), at)
        prior = self.settings.variance_floor + softplus(seen[:, 3])
        return Samples(
            (SHARPNESS * softplus(raw)).view(shape),
            seen[:, :3].sigmoid().view(*shape, 3),
            gain.joint_variance(prior, seen[:, 4:]).view(shape),
            steps.expand(shape),
            distances,
        )

    def _cells(self, rays: Rays, distances: Tensor) -> Cells:
        directions, origins = rays.directions.t().contiguous(), rays.origins.t().contiguous()
        points = torch.addcmul(origins[..., None], directions[..., None], distances)
        return lattice.cells(points.view(3, -1), self.resolution)

    def _iterate(self) -> None:
        settings = self.settings
        if self.iteration == settings.coarse_iterations and settings.coarse < settings.resolution:
            self._refine()
        look = self.iteration % REVISED == 0
        if look:
            self.empty = passes.empty_cells(self.tables.density, self.resolution)
        self.evidence.zero_()
        for gradient in self.gradients:
            gradient.zero_()
        skip = torch.zeros_like(self.empty) if look else self.empty
        batch = self._batch()
        samples = len(batch.cells.base) // len(batch.truth)
        traced = trace(self.tables.density, batch, samples, self.resolution, skip)
        accumulate(
            self.tables, self.gradients, batch, traced, settings.likelihood, settings.variance_floor
        )
        self._smooth()
        self.adam.step(list(self.gradients))
        self.iteration += 1

    def _batch(self) -> RayBatch:
        """Rays drawn over all views, with samples shifted at random along each."""
        settings = self.settings
        samples = max(settings.samples * self.resolution // settings.resolution, 1)
        count = (settings.rays,)
        total = len(self.colours)
        chosen = torch.randint(total, count, generator=self.rng, device=self.device)
        rays = Rays(*(part.index_select(0, chosen) for part in self.rays))
        shift = torch.rand(settings.rays, 1, generator=self.rng, device=self.device)
        distances, steps = places(rays, samples, shift)
        return RayBatch(self._cells(rays, distances), steps, self.colours.index_select(0, chosen))

    def _smooth(self) -> None:
        """Add the gradient of the roughness of density and colour."""
        if self.iteration % SMOOTHED:
            return
        weight = self.settings.smoothness * SMOOTHED / self.resolution**3
        gradient = lattice.roughness_gradient(self.tables.density[:, None], self.resolution)
        self.gradients.density.add_(gradient[:, 0], alpha=weight)
        gradient = lattice.roughness_gradient(self.tables.appearance, self.resolution)
        gradient[:, 3] = 0
        self.gradients.appearance.add_(gradient, alpha=weight)

    def _refine(self) -> None:
        """Go on at the full resolution."""
        old, new = self.resolution, self.settings.resolution
        density = lattice.refined(self.tables.density[:, None], old, new)[:, 0]
        self._settle(Tables(density, lattice.refined(self.tables.appearance, old, new)), new)

    def anticipate(self, pose: Any, intrinsics: Intrinsics, height: int, width: int) -> VoxelField:
        """A copy that is as sure as after a photograph from there, whatever it would show.

        Eq 22: the evidence of the camera's rays is shared out among the vertices as
        a read would weigh them. Training forgets it.
        """
        other = self.copy()
        for rays, samples in self._sampled(rays_of(self._tensor(pose), intrinsics, height, width)):
            ray, weights = composite(samples)
            evidence = gain.evidence(weights, ray.variance + self.settings.likelihood.floor)
            at = lattice.corners(self._cells(rays, samples.distances), self.resolution)
            lattice.add(other.evidence, at, evidence.view(-1))
        return other

    def fisher(self, rays: Rays, cameras: int) -> Tensor:
        """See `Field.fisher`; samples of one ray count as independent of each other."""
        information = torch.zeros_like(self.tables.appearance)
        stride = max(len(self.colours) // INFORMED, 1)
        trained = Rays(*(part[::stride] for part in self.rays))
        for at, squares in self._squared_jacobians(trained):
            lattice.add_rows(information, at, squares.t())
        worth = 1 / (information * stride + self.settings.damping)
        parts = [
            (lattice.read_rows(worth, at) * squares).sum(1)
            for at, squares in self._squared_jacobians(rays)
        ]
        return torch.cat(parts).view(cameras, -1).sum(1) / (len(rays.origins) // cameras)

    def _squared_jacobians(self, rays: Rays) -> Iterator[tuple[Corners, Tensor]]:
        """Corners of the samples of rays, weights squared, and (M, 4) what they hold moves.

        By the chain rule through softplus of slope 1 - exp(-density / 8) and sigmoid.
        """
        for part, samples in self._sampled(rays):
            at = lattice.corners(self._cells(part, samples.distances), self.resolution)
            squares = squared_jacobian(samples.density * samples.steps, samples.colour)
            density = -SHARPNESS * torch.expm1(samples.density / -SHARPNESS) * samples.steps
            colour = samples.colour * (1 - samples.colour)
            slopes = torch.cat((density[..., None], colour), -1)
            yield lattice.squared(at), (squares * slopes.square()).view(-1, 4)
