"""Random search in the space of linear policies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from leapbench.contract.agent import LearningPhase
from leapbench.contract.meter import Meter
from leapbench.errors import UserError

EPISODES = 4  # a trial


class HillClimb:
    """Keep the weights that balanced longest, and try others near them.

    Args:
        noise: standard deviation of a trial around the best, which has length 1.
    """

    def __init__(self, noise: float = 1.0) -> None:
        self.noise, self.weights = noise, np.zeros(4)

    def learn(self, phase: LearningPhase) -> None:
        """Play a few episodes a trial until the steps are spent."""
        if phase.make_env is None:
            raise UserError("HillClimb learns by acting, and got no environment.")
        env, meter = phase.make_env(EPISODES), phase.meter
        rng, best, kept = np.random.default_rng(phase.seed), -1.0, self.weights
        while meter.left >= EPISODES:
            trial = kept + self.noise * rng.standard_normal(4)
            self.weights = trial / np.linalg.norm(trial)
            score = self._play(env, meter, int(rng.integers(2**31)))
            if score >= best:
                best, kept = score, self.weights
            phase.report(meter.used / meter.budget.limit, f"best return {best / EPISODES:.0f}")
        self.weights = kept

    def _play(self, env: Any, meter: Meter, seed: int) -> float:
        """Sum of the returns of one episode in each sub-environment."""
        observation, _ = env.reset(seed=seed)
        alive, score = np.ones(EPISODES, bool), 0.0
        while alive.any() and meter.left >= EPISODES:
            observation, reward, ended, cut, _ = env.step(self.predict(observation)[0])
            score += float(reward[alive].sum())
            alive &= ~(ended | cut)
        return score

    def predict(
        self,
        observation: np.ndarray,
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, Any]:
        """Push to the side that the weights point to: actions (B,) for observations (B, 4)."""
        return (observation @ self.weights > 0).astype(np.int64), state

    def save(self, folder: Path) -> None:
        """Write the weights as JSON."""
        (folder / "policy.json").write_text(json.dumps(self.weights.tolist()))

    def load(self, folder: Path) -> None:
        """Restore what `save` wrote."""
        self.weights = np.array(json.loads((folder / "policy.json").read_text()))
