"""A correct world of biased coins."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

FLIPS = 8


class Coins(gym.Env[np.ndarray, np.int64]):
    """Guess each of 8 flips; the coin's bias is drawn by `reset`.

    Observation float32 (2,): the last flip and the share of flips done.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 4}

    def __init__(self, render_mode: str | None = None) -> None:
        self.observation_space = gym.spaces.Box(0.0, 1.0, (2,), np.float32)
        self.action_space = gym.spaces.Discrete(2)
        self.render_mode, self.done, self.over = render_mode, 0, True

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.bias, self.done, self.last, self.over = float(self.np_random.random()), 0, 0.0, False
        return self.observe(), {}

    def step(self, action: np.int64) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        if self.over:
            raise gym.error.ResetNeeded("The coin is used up: call `reset`.")
        self.last = float(self.np_random.random() < self.bias)
        self.done += 1
        self.over = self.done == FLIPS
        info = {"bias": self.bias} if self.over else {}
        return self.observe(), float(action == self.last), self.over, False, info

    def observe(self) -> np.ndarray:
        return np.array([self.last, self.done / FLIPS], np.float32)

    def render(self) -> np.ndarray | None:
        if self.render_mode is None:
            return None
        picture = np.full((32, 32, 3), 255, np.uint8)
        picture[8:24, 8 : 9 + 2 * self.done] = (200, 40, 40) if self.last else (40, 40, 200)
        return picture
