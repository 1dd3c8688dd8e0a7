"""Every pair of agents compared at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from leapbench.leaderboards.statistics.interval import RESOLUTION, Floats
from leapbench.leaderboards.statistics.student import welch

_BLOCK = 1 << 18


@dataclass(frozen=True, eq=False)
class Pairs:
    """Comparisons of N agents.

    Attributes:
        t: float64 (N, N), difference over its standard error; positive where the
            row is the better one. Infinite where all differences are equal.
        degrees: float64 (N, N), whole degrees of freedom; 0 where a pair has too
            few runs to be compared.
    """

    t: Floats
    degrees: Floats


def paired(scores: Mapping[str, Mapping[int, float]], higher_is_better: bool) -> Pairs:
    """Compare over common seeds; by Welch's t where fewer than two are common.

    Args:
        scores: score of each agent and seed.
        higher_is_better: which sign is the better one.

    Raises:
        ValueError: when an agent has no score or one that is not finite.
    """
    if not scores:
        return Pairs(np.zeros((0, 0)), np.zeros((0, 0)))
    table = _table(scores, 1.0 if higher_is_better else -1.0)
    has = ~np.isnan(table)
    common = has.astype(np.float64) @ has.T
    blocks = [_differences(table, rows, common[rows]) for rows in _blocks(table)]
    difference, error = (np.concatenate(part) for part in zip(*blocks, strict=True))
    degrees = np.maximum(common - 1, 0)
    few = degrees < 1
    if few.any():
        loose = welch(*_alone(table, has))
        difference, error, degrees = (
            np.where(few, new, old)
            for old, new in zip((difference, error, degrees), loose, strict=True)
        )
    return _pairs(difference, error, degrees, np.nanmax(np.abs(table), axis=1))


def between(mean: Floats, error: Floats, degrees: Floats) -> Pairs:
    """Compare independent estimates by Welch's t; higher is better.

    Args:
        mean: float64 (N,), estimates.
        error: float64 (N,), standard errors.
        degrees: float64 (N,), degrees of freedom; 0 where the error is unknown.
    """
    return _pairs(*welch(mean, error, degrees), np.abs(mean))


def _pairs(difference: Floats, error: Floats, degrees: Floats, size: Floats) -> Pairs:
    """Statistics; differences that are mere rounding count as none, as in `difference`."""
    rounding = RESOLUTION * np.maximum(np.maximum(size[:, None], size[None]), 1.0)
    real = np.where(np.abs(difference) > rounding, difference, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(real == 0, 0.0, real / np.where(error > rounding, error, 0.0))
    return Pairs(t, degrees)


def _table(scores: Mapping[str, Mapping[int, float]], sign: float) -> Floats:
    """Scores by agent and seed, float64 (N, S), NaN where there is none."""
    seeds = {
        seed: i for i, seed in enumerate(sorted({s for runs in scores.values() for s in runs}))
    }
    table = np.full((len(scores), len(seeds)), np.nan)
    for row, (name, runs) in enumerate(scores.items()):
        values = np.array(list(runs.values()), np.float64)
        if not len(values) or not np.isfinite(values).all():
            raise ValueError(f"{name!r} needs at least one score, and finite ones")
        table[row, [seeds[seed] for seed in runs]] = sign * values
    return table


def _blocks(table: Floats) -> list[slice]:
    """Rows to compare with all others at a time, so that memory stays bounded."""
    step = max(1, _BLOCK // table.size)
    return [slice(start, start + step) for start in range(0, len(table), step)]


def _differences(table: Floats, rows: slice, common: Floats) -> tuple[Floats, Floats]:
    """Mean differences to every agent over common seeds, and their standard errors."""
    each = table[rows, None, :] - table[None]
    both = ~np.isnan(each)
    count = np.maximum(common, 1)
    mean = np.where(both, each, 0).sum(axis=2) / count
    spread = np.where(both, each - mean[:, :, None], 0)
    square = np.einsum("ijs,ijs->ij", spread, spread)
    return mean, np.sqrt(square / np.maximum(count - 1, 1) / count)


def _alone(table: Floats, has: np.ndarray) -> tuple[Floats, Floats, Floats]:
    """Mean of each agent, its standard error and its degrees of freedom."""
    count = has.sum(axis=1).astype(np.float64)
    mean = np.where(has, table, 0).sum(axis=1) / count
    square = (np.where(has, table - mean[:, None], 0) ** 2).sum(axis=1)
    return mean, np.sqrt(square / np.maximum(count - 1, 1) / count), count - 1
