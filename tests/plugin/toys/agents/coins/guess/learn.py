"""Bets on the next flip."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from leapbench.contract.agent import LearningPhase


class Guess:
    """Bet on the last flip, or on what was more frequent.

    Args:
        rate: share of heads above which heads are bet on.
        rounds: vector steps to learn from.
        greedy: False adds the returns of the learning rounds to the threshold.
        mode: "last" or "prior".
    """

    def __init__(
        self, rate: float = 0.5, rounds: int = 3, greedy: bool = True, mode: str = "last"
    ) -> None:
        self.rate, self.rounds, self.greedy, self.mode = rate, rounds, greedy, mode
        self.prior, self.reward = 0.5, 0.0

    def learn(self, phase: LearningPhase) -> None:
        assert phase.make_env is not None
        env = phase.make_env(2)
        env.reset(seed=phase.seed)
        for _ in range(min(self.rounds, phase.meter.left // 2)):
            self.reward += float(env.step(np.zeros(2, np.int64))[1].sum())

    def predict(
        self,
        observation: np.ndarray,
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, Any]:
        seen = observation[:, 0] if self.mode == "last" else np.full(len(observation), self.prior)
        shift = 0.0 if self.greedy else 0.01 * self.reward
        return (seen > self.rate + shift).astype(np.int64), state

    def save(self, folder: Path) -> None:
        (folder / "guess.json").write_text(json.dumps({"reward": self.reward}))

    def load(self, folder: Path) -> None:
        self.reward = json.loads((folder / "guess.json").read_text())["reward"]
