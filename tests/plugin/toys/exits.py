"""The early-exit world over a few made-up predictions, so that checks take no time."""

from __future__ import annotations

from gymnasium.vector import AutoresetMode, VectorEnv

from leapbench.envs.earlyexit.env import EarlyExitEnv
from leapbench.envs.earlyexit.vector import EarlyExitVectorEnv
from leapbench.envs.exits.predictions import PredictionCache

STREAM = 20


def predictions() -> PredictionCache:
    return PredictionCache.synthetic(samples=60, exits=4, classes=5, seed=0)


class Exits(EarlyExitEnv):
    """One stream."""

    def __init__(self, render_mode: str | None = None) -> None:
        super().__init__(predictions=predictions(), stream=STREAM, render_mode=render_mode)


class VectorExits(EarlyExitVectorEnv, VectorEnv):  # type: ignore[type-arg]
    """Many streams."""

    def __init__(
        self, num_envs: int = 1, autoreset_mode: AutoresetMode = AutoresetMode.NEXT_STEP
    ) -> None:
        super().__init__(
            num_envs, predictions=predictions(), stream=STREAM, autoreset_mode=autoreset_mode
        )
