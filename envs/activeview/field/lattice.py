"""Trilinear reading of tables over the vertices of [-1, 1]^3, and its transpose.

A lattice of R vertices along each edge has R^3 of them, the last axis fastest. Points
are read at their cell's 8 corners; corners come first in all shapes, which keeps the
long axis contiguous.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Cells(NamedTuple):
    """Where M points lie.

    Attributes:
        base: int32 (M,), vertex of the cell's lowest corner.
        fraction: float32 (3, M), place inside the cell, in [0, 1].
    """

    base: Tensor
    fraction: Tensor


class Corners(NamedTuple):
    """What a trilinear read of M points takes.

    Attributes:
        vertex: int32 (8, M).
        weight: float32 (8, M), 0 or more, of sum 1 over the corners.
    """

    vertex: Tensor
    weight: Tensor


def cells(points: Tensor, resolution: int) -> Cells:
    """Cells of points float32 (3, M) in [-1, 1]; what lies outside is moved to the edge."""
    place = ((points + 1) * ((resolution - 1) / 2)).clamp_(0, resolution - 1)
    lowest = place.int().clamp_(max=resolution - 2)
    base = (lowest[0] * resolution + lowest[1]).mul_(resolution).add_(lowest[2])
    return Cells(base, place - lowest)


def offsets(resolution: int, device: torch.device) -> Tensor:
    """From a cell's lowest corner to all of them, int32 (8, 1)."""
    steps = [i * resolution**2 + j * resolution + k for i in (0, 1) for j in (0, 1) for k in (0, 1)]
    return torch.tensor(steps, dtype=torch.int32, device=device)[:, None]


def corners(where: Cells, resolution: int) -> Corners:
    """Vertices and weights of a trilinear read."""
    upper = where.fraction
    lower = 1 - upper
    faces = torch.stack((lower[1], upper[1]))[:, None] * torch.stack((lower[2], upper[2]))
    weight = torch.stack((lower[0], upper[0]))[:, None] * faces.view(4, -1)
    return Corners(where.base + offsets(resolution, upper.device), weight.view(8, -1))


def read(table: Tensor, at: Corners) -> Tensor:
    """float32 (M,), interpolated from a table (G,)."""
    return (table.index_select(0, at.vertex.view(-1)).view(at.vertex.shape) * at.weight).sum(0)


def read_rows(table: Tensor, at: Corners) -> Tensor:
    """float32 (M, K), interpolated from a table (G, K)."""
    index, weight = at.vertex.t().contiguous(), at.weight.t().contiguous()
    return torch.nn.functional.embedding_bag(index, table, per_sample_weights=weight, mode="sum")


def add(table: Tensor, at: Corners, values: Tensor) -> None:
    """Add values (M,) to a table (G,) by the weights of a read: its transpose."""
    table.index_add_(0, at.vertex.view(-1), (at.weight * values).view(-1))


def add_rows(table: Tensor, at: Corners, values: Tensor) -> None:
    """Add values (K, M) to a table (G, K) by the weights of a read, column by column."""
    for column, value in zip(table.unbind(1), values, strict=True):
        add(column, at, value)


def squared(at: Corners) -> Corners:
    """The same corners with squared weights."""
    return Corners(at.vertex, at.weight.square())


def refined(table: Tensor, old: int, new: int) -> Tensor:
    """A table (old^3, K) on a lattice of `new` vertices a side, by trilinear interpolation."""
    line = torch.linspace(-1, 1, new, device=table.device)
    points = torch.stack(torch.meshgrid(line, line, line, indexing="ij")).reshape(3, -1)
    return read_rows(table, corners(cells(points, old), old))


def roughness_gradient(table: Tensor, resolution: int) -> Tensor:
    """Gradient of half the sum of squared differences between neighbours; (R^3, K)."""
    grid = table.view(resolution, resolution, resolution, -1)
    gradient = torch.zeros_like(grid)
    for axis in range(3):
        step = grid.diff(dim=axis)
        gradient.narrow(axis, 1, resolution - 1).add_(step)
        gradient.narrow(axis, 0, resolution - 1).sub_(step)
    return gradient.view_as(table)
