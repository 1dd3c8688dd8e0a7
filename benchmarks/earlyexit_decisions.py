"""Decisions per CPU-second of the early-exit environments, on one core.

A decision is one step of one stream. Run it as
`OMP_NUM_THREADS=1 python benchmarks/earlyexit_decisions.py`.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
from gymnasium.vector import SyncVectorEnv

from leapbench.envs.earlyexit.env import EarlyExitEnv
from leapbench.envs.earlyexit.vector import EarlyExitVectorEnv
from leapbench.envs.exits.predictions import PredictionCache

SAMPLES, EXITS, CLASSES = 10_000, 7, 10
WIDTHS = (64, 256, 1024)
ROUNDS = 5
ACTIONS = 97  # prime, so that the random actions do not fall in step with the streams


def single(predictions: PredictionCache) -> Callable[[int], int]:
    env = EarlyExitEnv(predictions)
    actions = np.random.default_rng(0).integers(2, size=ACTIONS)
    env.reset(seed=0)

    def run(steps: int) -> int:
        for i in range(steps):
            if env.step(actions[i % ACTIONS])[2]:
                env.reset()
        return steps

    return run


def vector(env: EarlyExitVectorEnv | SyncVectorEnv) -> Callable[[int], int]:
    actions = np.random.default_rng(0).integers(2, size=(ACTIONS, env.num_envs))
    env.reset(seed=0)

    def run(steps: int) -> int:
        for i in range(steps):
            env.step(actions[i % ACTIONS])
        return steps * env.num_envs

    return run


def rate(run: Callable[[int], int], steps: int) -> float:
    start = time.process_time()
    decisions = run(steps)
    return decisions / (time.process_time() - start)


def main() -> None:
    predictions = PredictionCache.synthetic(SAMPLES, EXITS, CLASSES)
    cases: dict[str, tuple[Callable[[int], int], int]] = {"single": (single(predictions), 20_000)}
    for width in WIDTHS:
        singles = [lambda: EarlyExitEnv(predictions)] * width
        cases[f"SyncVectorEnv {width}"] = (vector(SyncVectorEnv(singles)), 20_000 // width)
        cases[f"native {width}"] = (vector(EarlyExitVectorEnv(width, predictions)), 2_000)
    # Rounds are interleaved, so that a busy machine slows every case alike.
    rates: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(ROUNDS):
        for name, (run, steps) in cases.items():
            rates[name].append(rate(run, steps))
    print(f"{'case':<20}{'decisions per CPU-second':>26}{'range':>26}")
    for name, values in rates.items():
        spread = f"{min(values):,.0f} - {max(values):,.0f}"
        print(f"{name:<20}{statistics.median(values):>26,.0f}{spread:>26}")
    for width in WIDTHS:
        ratio = statistics.median(
            native / sync
            for native, sync in zip(
                rates[f"native {width}"], rates[f"SyncVectorEnv {width}"], strict=True
            )
        )
        print(f"native / SyncVectorEnv at {width}: {ratio:.1f} times")


if __name__ == "__main__":
    main()
