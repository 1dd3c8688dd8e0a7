"""CPU seconds of bootstrap intervals, here and in rliable, on one thread.

rliable does not import beside pandas 3, so it lives in an environment of its own:

    python3 -m venv /tmp/peer
    /tmp/peer/bin/pip install rliable "pandas<3"
    python benchmarks/statistics_rliable.py --peer /tmp/peer/bin/python

Both sides run in processes of their own, in turn, on the same scores. Start-up,
imports and a first small call are not counted. Intervals agree when their ends
differ by no more than four standard errors of the resampling.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

SIZES = ((5, 12), (10, 26))
KINDS = {"aggregates": 50, "improvement": 300, "profile": None}
TAUS = np.linspace(0.0, 2.0, 81)
SEEDS = 20
ENOUGH = 0.2  # CPU seconds of calls that a figure is the mean of, at least

Ends = list[list[float]]
Work = Callable[[int, int], Ends]


def scores(runs: int, tasks: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    level = rng.gamma(4.0, 0.2, tasks)
    return tuple(level * shift + rng.normal(0, 0.3, (runs, tasks)) for shift in (1.0, 1.1))


def ours(kind: str, x: np.ndarray, y: np.ndarray) -> Work:
    from leapbench.leaderboards import statistics as own

    def work(reps: int, seed: int) -> Ends:
        if kind == "aggregates":
            four = own.aggregates(x, reps=reps, seed=seed)
            each = [four.iqm, four.median, four.mean, four.optimality_gap]
        elif kind == "improvement":
            each = [own.probability_of_improvement(x, y, reps=reps, seed=seed)]
        else:
            band = own.performance_profile(x, TAUS, reps=reps, seed=seed)
            return np.stack([band.low, band.high], axis=1).tolist()
        return [[e.low, e.high] for e in each]

    return work


def theirs(kind: str, x: np.ndarray, y: np.ndarray) -> Work:
    from rliable import library, metrics

    def four(table: np.ndarray) -> np.ndarray:
        return np.array(
            [
                metrics.aggregate_iqm(table),
                metrics.aggregate_median(table),
                metrics.aggregate_mean(table),
                metrics.aggregate_optimality_gap(table),
            ]
        )

    def work(reps: int, seed: int) -> Ends:
        np.random.seed(seed)
        if kind == "aggregates":
            _, ends = library.get_interval_estimates({"x": x}, four, reps=reps)
        elif kind == "improvement":
            _, ends = library.get_interval_estimates(
                {"x": (x, y)}, metrics.probability_of_improvement, reps=reps
            )
        else:
            _, ends = library.create_performance_profile({"x": x}, TAUS, reps=reps)
        return np.asarray(ends["x"]).reshape(2, -1).T.tolist()

    return work


def child(side: str, kind: str, runs: int, tasks: int, reps: int, seeds: int) -> None:
    make = ours if side == "ours" else theirs
    work = make(kind, *scores(runs, tasks))
    work(20, 0)
    start, calls, seconds = time.process_time(), 0, 0.0
    while seconds < ENOUGH:  # a single short call is within the clock's grain and the noise
        ends = work(reps, 0)
        calls, seconds = calls + 1, time.process_time() - start
    more = [work(reps, seed) for seed in range(1, seeds)]
    print(json.dumps({"seconds": seconds / calls, "ends": [ends, *more]}))


def start(python: str, side: str, kind: str, size: tuple[int, int], reps: int, seeds: int) -> dict:
    command = [python, __file__, "--child", side, kind, *map(str, (*size, reps, seeds))]
    one = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | one)
    return json.loads(done.stdout.splitlines()[-1])


def compare(peer: str, kind: str, size: tuple[int, int], reps: int, rounds: int) -> str:
    pairs = []
    for turn in range(rounds):
        mine = start(sys.executable, "ours", kind, size, reps, SEEDS if turn == 0 else 1)
        pairs.append((mine, start(peer, "theirs", kind, size, reps, 1)))
    mine, other = ([pair[side]["seconds"] for pair in pairs] for side in (0, 1))
    ratio = statistics.median(b / a for a, b in zip(mine, other, strict=True))
    own = np.array(pairs[0][0]["ends"])
    # The step of a discrete statistic, such as a profile's, is part of the error.
    error = np.maximum(own.std(axis=0, ddof=1), 0.25 / (size[0] * size[1]))
    agree = (np.abs(own.mean(axis=0) - pairs[0][1]["ends"][0]) <= 4 * error + 1e-12).all()
    target = f" (target {KINDS[kind]})" if KINDS[kind] else ""
    return (
        f"{size[0]:>3} x {size[1]:<3} {kind:<12} {statistics.median(mine):>9.4f} s "
        f"{statistics.median(other):>9.3f} s {ratio:>6.0f}x{target:<13} "
        f"{'agree' if agree else 'DIFFER'}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--peer", help="a Python that has rliable")
    parser.add_argument("--reps", type=int, default=2000, help="resamples (default 2000)")
    parser.add_argument("--rounds", type=int, default=3, help="pairs of processes (default 3)")
    parser.add_argument("--child", nargs=6, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        side, kind, *numbers = options.child
        return child(side, kind, *map(int, numbers))
    if not options.peer:
        parser.error("--peer must be the path of a Python that has rliable")
    print(f"{'runs x tasks':<20} {'leapbench':>11} {'rliable':>11}   ratio")
    for kind in KINDS:
        for size in SIZES:
            print(compare(options.peer, kind, size, options.reps, options.rounds), flush=True)
    return None


if __name__ == "__main__":
    main()
