"""One batch of rays through a lattice and back, with the gradients written out.

Two things make it fast. Samples in cells known to be empty are left out before
anything is read, and colours are read only where light arrives, and corrected only
where it ends.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import softplus

from leapbench.envs.activeview.field import lattice
from leapbench.envs.activeview.field.lattice import Cells, Corners
from leapbench.envs.activeview.field.loss import Loss, density_slope, ray_loss
from leapbench.envs.activeview.field.render import WHITE, thickness_gradient, weights_of
from leapbench.envs.activeview.field.settings import Likelihood

SHARPNESS = 8.0
"""Density of a point is this times softplus of what its vertices hold."""
EMPTY = 0.2
"""Density below which a cell is skipped."""
DARK = 1e-2
"""Light arriving below which a colour is not read, and weight below which it is not corrected."""


class Tables(NamedTuple):
    """What vertices hold, or its gradient.

    Attributes:
        density: float32 (G,); softplus makes it a density.
        appearance: float32 (G, 4); sigmoid makes three of them a colour, and softplus
            with a floor the last one a variance.
    """

    density: Tensor
    appearance: Tensor


class Batch(NamedTuple):
    """N rays to learn from, with S samples each.

    Attributes:
        cells: of the N * S samples.
        steps: (N, 1), length that a sample of a ray stands for.
        truth: (N, 3), colours in the photographs.
    """

    cells: Cells
    steps: Tensor
    truth: Tensor


class Geometry(NamedTuple):
    """Where light of a batch ends.

    Attributes:
        kept: (M,), which of the N * S samples are outside empty cells.
        at: their corners.
        raw: (M,), interpolated density before softplus.
        weights: (N, S), compositing weights.
        behind: (N, S), light left behind each sample.
    """

    kept: Tensor
    at: Corners
    raw: Tensor
    weights: Tensor
    behind: Tensor


def empty_cells(density: Tensor, resolution: int) -> Tensor:
    """Which cells, by their lowest corner, hold next to nothing; bool (G,)."""
    grid = density.view(resolution, resolution, resolution).clone()
    for axis in range(3):
        lower = grid.narrow(axis, 0, resolution - 1)
        lower.copy_(torch.maximum(lower, grid.narrow(axis, 1, resolution - 1)))
    return (SHARPNESS * softplus(grid) < EMPTY).view(-1)


def subset(at: Corners, chosen: Tensor) -> Corners:
    """The corners of some points, by index."""
    return Corners(at.vertex.index_select(1, chosen), at.weight.index_select(1, chosen))


def trace(density: Tensor, batch: Batch, samples: int, resolution: int, skip: Tensor) -> Geometry:
    """Read the density of a batch outside empty cells, and composite.

    Args:
        density: (G,), before softplus.
        batch: N rays.
        samples: S.
        resolution: vertices along an edge.
        skip: bool (G,), whether a cell, by its lowest corner, is empty.
    """
    base, fraction = batch.cells
    kept = skip.index_select(0, base).logical_not_().nonzero().view(-1)
    inside = Cells(base.index_select(0, kept), fraction.index_select(1, kept))
    at = lattice.corners(inside, resolution)
    raw = lattice.read(density, at)
    thickness = torch.zeros(len(base), device=raw.device)
    thickness[kept] = SHARPNESS * softplus(raw)
    weights, behind = weights_of(thickness.view(-1, samples) * batch.steps)
    return Geometry(kept, at, raw, weights, behind)


def accumulate(
    tables: Tables, into: Tables, batch: Batch, traced: Geometry, kind: Likelihood, floor: float
) -> Tensor:
    """Add the gradients of the loss of a batch (Eq 12) to `into`; return the loss.

    Args:
        tables: what the vertices hold.
        into: gradients of the same shapes.
        batch: N rays.
        traced: from `trace` of the same batch.
        kind: the loss of a ray.
        floor: least variance of a point (Eq 8).
    """
    kept, at, _, weights, behind = traced
    shape = weights.shape
    light = (weights + behind).view(-1)
    lit = (light.index_select(0, kept) > DARK).nonzero().view(-1)
    near = subset(at, lit)
    shown = lattice.read_rows(tables.appearance, near)
    squashed = shown.sigmoid()
    slopes = squashed * torch.cat((1 - squashed[:, :3], torch.ones_like(squashed[:, 3:])), 1)
    shown = torch.cat((squashed[:, :3], floor + softplus(shown[:, 3:])), 1)
    seen = torch.zeros(len(light), 4, device=light.device)
    seen[kept.index_select(0, lit)] = shown
    seen = seen.view(*shape, 4)

    contrast = seen[..., :3] - WHITE
    colour = (weights[:, None] @ contrast)[:, 0] + WHITE
    spread = weights * seen[..., 3]
    loss = ray_loss(colour, (weights * spread).sum(1), batch.truth, kind)

    of_weights = (contrast @ loss.colour[..., None])[..., 0] + 2 * loss.variance[:, None] * spread
    of_thickness = thickness_gradient(weights, behind, of_weights)
    of_density = of_thickness * batch.steps + density_slope(shape, kind)
    slope = of_density.view(-1).index_select(0, kept) * (SHARPNESS * traced.raw.sigmoid())
    lattice.add(into.density, at, slope)
    _correct(into.appearance, traced, slopes, lit, loss)
    return loss.value


def _correct(into: Tensor, traced: Geometry, slopes: Tensor, lit: Tensor, loss: Loss) -> None:
    """Add the gradient of the appearance, of samples that carry weight."""
    weight = traced.weights.view(-1).index_select(0, traced.kept.index_select(0, lit))
    strong = (weight > DARK).nonzero().view(-1)
    weight, slopes, lit = weight[strong, None], slopes[strong], lit[strong]
    ray = traced.kept.index_select(0, lit) // traced.weights.shape[1]
    by_colour = loss.colour[ray] * weight * slopes[:, :3]
    by_variance = loss.variance[ray, None] * weight.square() * slopes[:, 3:]
    lattice.add_rows(into, subset(traced.at, lit), torch.cat((by_colour, by_variance), 1))
