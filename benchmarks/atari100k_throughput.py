"""Atari 100K's worlds beside Gymnasium's, in actions for each CPU-second.

    OMP_NUM_THREADS=1 python benchmarks/atari100k_throughput.py [game ...]

A single world is compared with `AtariPreprocessing` and `FrameStackObservation`, the
native vector environment with eight of these in a `SyncVectorEnv`: as they come
(resized by area), and at equal semantics (resized bilinearly by the same OpenCV, which
is faster). Beside them is emulation alone, four frames and nothing looked at, which is
the limit. All take random actions and begin again where a game is over. Cases take turns
in every round; the figures are medians over rounds, the ratios medians of those within
a round.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import ale_py
import cv2
import gymnasium as gym
import numpy as np
from gymnasium.wrappers import AtariPreprocessing, FrameStackObservation

import leapbench  # noqa: F401, registers the worlds

GAMES = ("Pong", "Breakout", "Seaquest", "MsPacman", "Freeway", "Krull")
ROUNDS, STEPS, LANES = 15, 240, 8
Case = Callable[[np.ndarray], None]


class Bilinear(AtariPreprocessing):
    """Gymnasium's preprocessing, resized as in the protocol."""

    def _get_obs(self) -> Any:
        np.maximum(self.obs_buffer[0], self.obs_buffer[1], out=self.obs_buffer[0])
        return cv2.resize(self.obs_buffer[0], self.screen_size, interpolation=cv2.INTER_LINEAR)


def emulation(game: str, num_envs: int) -> Case:
    made = [
        gym.make(f"ALE/{game}-v5", frameskip=1, repeat_action_probability=0.0).unwrapped.ale
        for _ in range(num_envs)
    ]
    actions = made[0].getMinimalActionSet()

    def play(chosen: np.ndarray) -> None:
        for row in chosen[: len(chosen) // num_envs, :num_envs].tolist():
            for ale, index in zip(made, row, strict=True):
                for _ in range(4):
                    ale.act(actions[index])
                if ale.game_over():
                    ale.reset_game()

    return play


def theirs(game: str, preprocessing: type[AtariPreprocessing]) -> gym.Env[Any, Any]:
    made = gym.make(f"ALE/{game}-v5", frameskip=1, repeat_action_probability=0.0)
    return FrameStackObservation(preprocessing(made), 4, padding_type="zero")


def single(env: gym.Env[Any, Any]) -> Case:
    env.reset(seed=0)

    def play(chosen: np.ndarray) -> None:
        for action in chosen[:, 0].tolist():
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()

    return play


def many(env: gym.vector.VectorEnv[Any, Any, Any]) -> Case:
    env.reset(seed=0)

    def play(chosen: np.ndarray) -> None:
        for actions in chosen[: len(chosen) // LANES]:
            env.step(actions)

    return play


def cases(game: str) -> dict[str, Case]:
    name = f"leapbench/Atari100k-{game}-v0"
    sync = gym.vector.SyncVectorEnv
    return {
        "emulation alone": emulation(game, 1),
        "emulation of 8": emulation(game, LANES),
        "single": single(gym.make(name)),
        "Gymnasium": single(theirs(game, AtariPreprocessing)),
        "Gymnasium, bilinear": single(theirs(game, Bilinear)),
        "native": many(gym.make_vec(name, LANES)),
        "sync": many(sync([partial(theirs, game, AtariPreprocessing)] * LANES)),
        "sync, bilinear": many(sync([partial(theirs, game, Bilinear)] * LANES)),
    }


def seconds(case: Case, actions: np.ndarray) -> float:
    """CPU time of an action."""
    begun = time.process_time()
    case(actions)
    return (time.process_time() - begun) / STEPS


def measure(game: str) -> dict[str, list[float]]:
    found = cases(game)
    count = gym.make(f"leapbench/Atari100k-{game}-v0").action_space.n
    rng = np.random.default_rng(0)
    spent: dict[str, list[float]] = {name: [] for name in found}
    for turn in range(ROUNDS):
        actions = rng.integers(count, size=(STEPS, LANES))
        for name in list(found)[:: 1 if turn % 2 else -1]:
            spent[name].append(seconds(found[name], actions))
    return spent


def ratio(spent: dict[str, list[float]], slow: str, fast: str) -> float:
    return statistics.median(a / b for a, b in zip(spent[slow], spent[fast], strict=True))


PAIRS = (
    ("Gymnasium", "single"),
    ("Gymnasium, bilinear", "single"),
    ("sync", "native"),
    ("sync, bilinear", "native"),
    ("emulation alone", "single"),
    ("emulation of 8", "native"),
)


def main() -> None:
    gym.register_envs(ale_py)
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    ratios: dict[tuple[str, str], list[float]] = {pair: [] for pair in PAIRS}
    for game in sys.argv[1:] or GAMES:
        spent = measure(game)
        rates = [f"{name} {1 / statistics.median(each):,.0f}" for name, each in spent.items()]
        print(f"{game}, actions a CPU-second: {' · '.join(rates)}", flush=True)
        for slow, fast in PAIRS:
            ratios[slow, fast].append(ratio(spent, slow, fast))
    print("\nSpeed of the second against the first, median over games (least to most):")
    for (slow, fast), each in ratios.items():
        middle = statistics.median(each)
        print(f"  {slow:20} {fast:8} {middle:.2f} ({min(each):.2f} to {max(each):.2f})")


if __name__ == "__main__":
    main()
