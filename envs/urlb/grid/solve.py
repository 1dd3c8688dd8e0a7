"""Exact values of the grid: the best that any policy can do, and chance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.urlb.grid.dynamics import GridWorld

Floats = NDArray[np.float64]


def transitions(world: GridWorld) -> Floats:
    """Probability of the next cell, float64 (5, n * n, n * n): action, cell, next cell."""
    cells = np.arange(world.cells)
    blown = world.noise * world.exposed / (len(world.gust) - 1)
    matrix = np.zeros((len(world.hop), world.cells, world.cells))
    for action, target in enumerate(world.hop):
        matrix[action, cells, target] += 1 - world.noise * world.exposed
        for gust in world.gust[1:]:
            np.add.at(matrix[action], (cells, gust[target]), blown)
    return matrix


def optimal(world: GridWorld) -> tuple[Floats, NDArray[np.int64]]:
    """Value iteration over the T steps of an episode.

    Returns:
        Expected return from each cell at each time, float64 (T + 1, n * n), and the
        best action there, int64 (T, n * n).
    """
    matrix, goal = transitions(world), world.goal.astype(np.float64)
    values = np.zeros((world.horizon + 1, world.cells))
    actions = np.zeros((world.horizon, world.cells), np.int64)
    for time in reversed(range(world.horizon)):
        returns = matrix @ (goal + values[time + 1])
        actions[time], values[time] = returns.argmax(axis=0), returns.max(axis=0)
    return values, actions


def ceiling(world: GridWorld) -> float:
    """Expected share of steps in the goal under the best policy, in [0, 1]."""
    return float(optimal(world)[0][0, world.start]) / world.horizon


def chance(world: GridWorld) -> float:
    """Expected share of steps in the goal under uniformly random actions, in [0, 1]."""
    matrix, where = transitions(world).mean(axis=0), np.zeros(world.cells)
    where[world.start], total = 1.0, 0.0
    for _ in range(world.horizon):
        where = where @ matrix
        total += float(where[world.goal].sum())
    return total / world.horizon
