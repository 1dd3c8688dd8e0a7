"""How often nominal 95 % intervals contain the truth, by simulation.

Runs of known distributions are drawn, intervals made, and hits counted. The
tables in docs/statistics.md are the output of

    OMP_NUM_THREADS=1 python benchmarks/interval_coverage.py

(about ten minutes on one core; `--trials 100 --boards 20` gives a first impression).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import product
from statistics import NormalDist

import numpy as np

from leapbench.leaderboards import statistics as stats

RUNS, TASKS, REPS, AGENTS = (3, 5, 10, 25), (1, 5, 10), 1000, 20
GRID = (np.arange(20_000) + 0.5) / 20_000
NORMAL = np.array([NormalDist().inv_cdf(u) for u in GRID])

# Inverse distribution functions. "bounded" is Beta(1/2, 1/2): most runs nearly
# fail or nearly succeed.
KINDS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "normal": lambda u: np.interp(u, GRID, NORMAL),
    "skewed": lambda u: -np.log1p(-u),
    "bounded": lambda u: np.sin(np.pi * u / 2) ** 2,
}
SHIFTS = {"normal": 0.5, "skewed": 0.5, "bounded": 0.1}
METHODS = ("IQM", "IQM, R−1", "mean", "mean, R−1", "mean, t", "PoI", "PoI, R−1")


def runs(kind: str, u: np.ndarray, shift: float = 0.0) -> np.ndarray:
    """Runs (R, T) from uniform numbers; tasks differ in level and in spread."""
    task = np.linspace(0.5, 1.5, u.shape[1]) if u.shape[1] > 1 else np.ones(1)
    return task * (KINDS[kind](u) + shift + 1)


@lru_cache
def truths(kind: str, tasks: int) -> tuple[float, float, float]:
    """IQM, mean and probability of improvement of the distributions themselves."""
    grid = np.repeat(GRID[:, None], tasks, axis=1)
    x, y = runs(kind, grid), runs(kind, grid, SHIFTS[kind])
    below = np.searchsorted(x[:, 0], y[:, 0]) / len(x)
    return stats.iqm(x), stats.mean(x), float(below.mean())


def hits(kind: str, shape: tuple[int, int], trial: int) -> list[bool]:
    """For each method, whether its interval contains the truth."""
    iqm, mean, better = truths(kind, shape[1])
    rng = np.random.default_rng([trial, *shape, list(KINDS).index(kind)])
    x, y = runs(kind, rng.random(shape)), runs(kind, rng.random(shape), SHIFTS[kind])
    plain = stats.aggregates(x, reps=REPS, seed=trial)
    fewer = stats.aggregates(x, reps=REPS, seed=trial, small_sample=True)
    wins = [
        stats.probability_of_improvement(y, x, reps=REPS, seed=trial, small_sample=small)
        for small in (False, True)
    ]
    intervals = (plain.iqm, fewer.iqm, plain.mean, fewer.mean, stats.mean_interval(x), *wins)
    truth = (iqm, iqm, mean, mean, mean, better, better)
    return [i.low <= true <= i.high for i, true in zip(intervals, truth, strict=True)]


def intervals(trials: int) -> Iterator[str]:
    """Table of the coverage of intervals, in percent."""
    yield f"| scores | R | T | {' | '.join(METHODS)} |"
    yield "|---" * (3 + len(METHODS)) + "|"
    for kind, count, tasks in product(KINDS, RUNS, TASKS):
        shape = (count, tasks)
        rate = np.mean([hits(kind, shape, trial) for trial in range(trials)], axis=0)
        cells = " | ".join(f"{100 * value:.1f}" for value in rate)
        yield f"| {kind} | {count} | {tasks} | {cells} |"


def scores_of(noise: str, rng: np.random.Generator, level: np.ndarray, count: int) -> np.ndarray:
    """Scores (N, R) around true means (N,); "coarse" ones are right answers among twenty."""
    u = rng.random((len(level), count))
    if noise == "coarse":
        return level[:, None] + rng.binomial(20, 0.5, u.shape) / 20
    if noise == "unequal":
        return level[:, None] + KINDS["normal"](u) * np.geomspace(0.1, 3, len(level))[:, None]
    return level[:, None] + KINDS[noise](u)


def judged(found: dict[str, stats.RankInterval], level: np.ndarray) -> tuple[float, bool, float]:
    """Share of rows that contain every rank they could be given, whether all do, mean width."""
    low, high = np.array([(r.low, r.high) for r in found.values()]).T
    best = 1 + (level[None] > level[:, None]).sum(axis=1)
    worst = len(level) - (level[None] < level[:, None]).sum(axis=1)
    right = (low <= best) & (high >= worst)
    return float(right.mean()), bool(right.all()), float((high - low + 1).mean())


BOARDS = {
    "all tied": np.zeros(AGENTS),
    "tied in pairs": np.repeat(np.arange(AGENTS // 2), 2).astype(float),
    "spread": np.linspace(0, 5, AGENTS),
}


def ranks(boards: int) -> Iterator[str]:
    """Table of the coverage of rank intervals on one task, in percent."""
    yield "| board | noise | R | Holm: row | board | width | none: row | board | width |"
    yield "|---" * 9 + "|"
    for name, noise, count in product(BOARDS, (*KINDS, "unequal", "coarse"), RUNS[:3]):
        rng, level = np.random.default_rng(count), BOARDS[name]
        drawn = [scores_of(noise, rng, level, count) for _ in range(boards)]
        cells = []
        for correction in ("holm", "none"):
            found = [
                stats.rank_intervals(
                    {str(i): dict(enumerate(row)) for i, row in enumerate(table)},
                    correction=correction,
                )
                for table in drawn
            ]
            row, whole, width = np.mean([judged(each, level) for each in found], axis=0)
            cells.append(f"{100 * row:.1f} | {100 * whole:.0f} | {width:.1f}")
        yield f"| {name} | {noise} | {count} | {' | '.join(cells)} |"


def ranks_over_tasks(boards: int, tasks: int = 10) -> Iterator[str]:
    """Table of the coverage of rank intervals by IQM over several tasks, in percent."""
    yield "| board | scores | R | row | board | width |"
    yield "|---" * 6 + "|"
    for name, kind, count in product(BOARDS, KINDS, RUNS[:3]):
        rng, level, made = np.random.default_rng(count), BOARDS[name] / 2, []
        for board in range(boards):
            table = {
                str(i): runs(kind, rng.random((count, tasks)), shift)
                for i, shift in enumerate(level)
            }
            found = stats.rank_intervals_bootstrap(table, reps=500, seed=board)
            made.append(judged(found, level))
        row, whole, width = np.mean(made, axis=0)
        yield f"| {name} | {kind} | {count} | {100 * row:.1f} | {100 * whole:.0f} | {width:.1f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--trials", type=int, default=2000, help="of each interval")
    parser.add_argument("--boards", type=int, default=400, help="of twenty agents each")
    options = parser.parse_args()
    error = 100 * (0.95 * 0.05 / options.trials) ** 0.5
    print(f"Standard error of an entry of 95 %: {error:.1f} points ({options.trials} trials).\n")
    for table in (
        intervals(options.trials),
        ranks(options.boards),
        ranks_over_tasks(options.boards // 2),
    ):
        for line in table:
            print(line, flush=True)
        print()


if __name__ == "__main__":
    main()
