"""Where to look next: the model's own order, and rules that need no training."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.videoglance.grid import CubeGrid
from leapbench.envs.videoglance.observation import Layout

Floats = NDArray[np.floating]

LEARNED = ("model", "temporal-only", "spatial-only")
"""The model's own order; the frames of its first cube, whole; its first place, at all times."""
MAPPED = {
    "glance-saliency": "activity",
    "glance-evidence": "evidence",
    "frame-difference": "motion",
}
"""Orders by one of the glance's coarse maps, largest first."""


def middle(grid: CubeGrid) -> NDArray[np.float64]:
    """The centre of the frame: at the times of the middle, then away from it; (C,)."""
    apart = np.abs(grid.fractions - 0.5)
    return np.asarray(-(10.0 * apart[:, 1:].sum(1) + apart[:, 0]))


def spread(grid: CubeGrid) -> NDArray[np.float64]:
    """A uniform grid: each next cube is the one farthest from all before it; (C,)."""
    chosen = [0]
    unit = grid.origins / np.array(grid.cube)
    while len(chosen) < grid.cubes:
        apart = np.linalg.norm(unit[:, None] - unit[chosen], axis=2).min(1)
        apart[chosen] = -1.0
        chosen.append(int(apart.argmax()))
    return _falling(chosen, grid.cubes)


def tiled(grid: CubeGrid) -> NDArray[np.float64]:
    """The fewest cubes that cover the clip, first; (C,)."""
    return _falling([*grid.tiles], grid.cubes)


STATIC: Mapping[str, Callable[[CubeGrid], NDArray[np.float64]]] = {
    "centre": middle,
    "uniform": spread,
    "tiles": tiled,
}
"""Orders that are the same for all clips."""
ORDERS = (*LEARNED, "random", *STATIC, *MAPPED)


def wanted(
    name: str,
    observation: NDArray[np.float32],
    layout: Layout,
    grid: CubeGrid,
    rng: np.random.Generator,
) -> Floats:
    """How much each cube is wanted, (B, C), seen ones too; what is random is drawn anew.

    Args:
        name: one of `ORDERS`.
        observation: float32 (B, size).
        layout: of the observations.
        grid: of the cubes.
        rng: draws the order "random".
    """
    if name == "random":
        return rng.random((len(observation), grid.cubes))
    if name in STATIC:
        return np.tile(STATIC[name](grid), (len(observation), 1))
    if name in MAPPED:
        return observation[:, layout.map(MAPPED[name])]
    proposal = observation[:, layout.proposal]
    if name == "model":
        return proposal
    first = grid.places[proposal.argmax(1)]  # (B, 3)
    if name == "temporal-only":
        tiles = np.isin(np.arange(grid.cubes), grid.tiles)
        same = grid.places[:, 0] == first[:, :1]
        return np.asarray(2.0 * (same & tiles) + tiles + 0.5 * proposal)
    same = (grid.places[None, :, 1:] == first[:, None, 1:]).all(2)
    return np.asarray(2.0 * same + proposal)


def _falling(chosen: list[int], cubes: int) -> NDArray[np.float64]:
    """Scores of cubes in an order; those left out follow by index."""
    rest = [cube for cube in range(cubes) if cube not in set(chosen)]
    scores = np.empty(cubes)
    scores[[*chosen, *rest]] = -np.arange(cubes, dtype=np.float64)
    return scores
