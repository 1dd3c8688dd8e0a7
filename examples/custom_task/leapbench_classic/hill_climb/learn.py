"""Random search in the space of linear policies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from leapbench.agent import LearningPhase


class HillClimb:
    """Keep the weights that balanced longest, and try others near them.

    Args:
        noise: standard deviation of a trial around the best, which has length 1.
    """

    def __init__(self, noise: float = 0.3) -> None:
        self.noise, self.weights = noise, np.zeros(4)

    def learn(self, phase: LearningPhase) -> None:
        """Play one episode a trial until the steps are spent."""
        assert phase.make_env is not None
        env, rng = phase.make_env(), np.random.default_rng(phase.seed)
        best, kept = -1.0, self.weights
        while phase.meter.left:
            trial = kept + self.noise * rng.standard_normal(4)
            self.weights = trial / np.linalg.norm(trial)
            score = self._play(env, int(rng.integers(2**31)))
            if score >= best:
                best, kept = score, self.weights
            phase.report(phase.meter.used / phase.meter.budget.limit, f"best {best:.0f}")
        self.weights = kept

    def _play(self, env: Any, seed: int) -> float:
        (observation, _), over, score = env.reset(seed=seed), False, 0.0
        while not over:
            action = int(self.predict(observation[None])[0][0])
            observation, reward, terminated, truncated, _ = env.step(action)
            score, over = score + reward, terminated or truncated
        return score

    def predict(
        self, observation: np.ndarray, state: Any = None, *_: Any, **__: Any
    ) -> tuple[np.ndarray, Any]:
        """Push to the side that the weights point to: actions (B,) for observations (B, 4)."""
        return (observation @ self.weights > 0).astype(np.int64), state

    def save(self, folder: Path) -> None:
        """Write the weights as JSON."""
        (folder / "policy.json").write_text(json.dumps(self.weights.tolist()))

    def load(self, folder: Path) -> None:
        """Restore what `save` wrote."""
        self.weights = np.array(json.loads((folder / "policy.json").read_text()))
