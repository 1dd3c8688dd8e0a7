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
from leapbench.envs.activeview.field.loss import density_slope, ray_loss
from leapbench.envs.activeview.field.render import WHITE, thickness_gradient, weights_of
from leapbench.envs.activeview.field.settings import Likelihood

SHARPNESS = 8.0
"""Density of a point is this times softplus of what its vertices hold."""
EMPTY = 0.2
"""Density below which a cell is skipped."""
DARK = 1e-2
"""Light arriving below which a colour is neither read nor corrected."""


class Tables(NamedTuple):
    """What vertices hold, or its gradient.

    Attributes:
        density: float32 (G,); softplus makes it a density.
        appearance: float32 (G, 4); sigmoid makes three of them a colour, and softplus
            with a floor the last one a variance.
    """

    density: Tensor
    appearance: Tensor


class RayBatch(NamedTuple):
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


def trace(
    density: Tensor, batch: RayBatch, samples: int, resolution: int, skip: Tensor
) -> Geometry:
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
    tables: Tables, into: Tables, batch: RayBatch, traced: Geometry, kind: Likelihood, floor: float
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
    weights, behind = traced.weights, traced.behind
    light = (weights + behind).view(-1).index_select(0, traced.kept)
    lit = (light > DARK).nonzero().view(-1)
    near, place = subset(traced.at, lit), traced.kept.index_select(0, lit)
    held = lattice.read_rows(tables.appearance, near).t().contiguous()
    squashed = held.sigmoid()
    shown = torch.zeros(4, weights.numel(), device=held.device)
    for plane, values in zip(shown, (*squashed[:3], floor + softplus(held[3])), strict=True):
        plane.index_copy_(0, place, values)
    shown = shown.view(4, *weights.shape)

    spread = weights * shown[3]
    variance = (weights * spread).sum(1)
    contrast = shown[:3] - WHITE
    colour = WHITE + (weights * contrast).sum(2).t()
    loss = ray_loss(colour, variance, batch.truth, kind)

    of_weights = (loss.colour.t()[..., None] * contrast).sum(0)
    of_weights.addcmul_(loss.variance[:, None], spread, value=2)
    of_thickness = thickness_gradient(weights, behind, of_weights)
    of_density = of_thickness * batch.steps + density_slope(weights.shape, kind)
    slope = of_density.view(-1).index_select(0, traced.kept) * traced.raw.sigmoid()
    lattice.add(into.density, traced.at, slope.mul_(SHARPNESS))

    weight, ray = weights.view(-1).index_select(0, place), place // weights.shape[1]
    squashed[:3].mul_(1 - squashed[:3]).mul_(loss.colour.t().index_select(1, ray))
    squashed[3].mul_(loss.variance.index_select(0, ray)).mul_(weight)
    lattice.add_rows(into.appearance, near, squashed.mul_(weight))
    return loss.value
