"""The protocol: one game, its starts, its lives and what is seen of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from leapbench.envs.atari100k.emulator import Emulator, Pixels
from leapbench.errors import UserError

SKIP = 4  # frames, of one action
STACK, SIZE = 4, 84
LIMIT = 108_000  # frames, 30 minutes at 60 Hz
NOOPS = 30


@dataclass(frozen=True)
class Rules:
    """What may be chosen of the protocol; see `Atari100kEnv`.

    Raises:
        UserError: for values out of range.
    """

    game: str = "Breakout"
    training: bool = False
    sticky: float = 0.0
    noops: int = NOOPS
    limit: int = LIMIT

    def __post_init__(self) -> None:
        if not isinstance(self.training, bool):
            raise UserError(f"training must be True or False, got {self.training!r}.")
        number = isinstance(self.sticky, int | float)
        if not number or not 0 <= self.sticky < 1:
            raise UserError(f"sticky must be a probability below 1, got {self.sticky!r}.")
        for name, least in (("noops", 1), ("limit", SKIP + NOOPS)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise UserError(f"{name} must be an integer from {least} on, got {value!r}.")
        if self.noops + SKIP > self.limit:
            raise UserError(f"noops {self.noops} leave no frame of {self.limit}, the limit.")


class Game:
    """One game, stepped by both environments.

    What is seen is kept by the caller, as `stack`, uint8 (4, 84, 84), the oldest first.

    Args:
        rules: see `Rules`.

    Attributes:
        emulator: what runs it.
        lives: left; 0 throughout in games without lives.
        score: of the game so far, not clipped.
        over: whether the episode has ended, or none was begun.
        action: the last action, as the emulator's number.
    """

    def __init__(self, rules: Rules) -> None:
        self.rules, self.emulator = rules, Emulator(rules.game)
        self.actions = self.emulator.cartridge.actions
        self._repeated = [(action,) * SKIP for action in self.actions]
        self.lives = self.score = self.action = 0
        self.over, self._goes_on = True, False

    @property
    def frame(self) -> int:
        """Frames of the game so far."""
        return int(self.emulator.ale.getEpisodeFrameNumber())

    def begin(self, rng: np.random.Generator, stack: Pixels, anew: bool) -> None:
        """Begin an episode: the next life, if one was lost in training, else a new game.

        Args:
            rng: draws the number of no-ops.
            stack: receives the first observation.
            anew: a new game in any case.
        """
        if self._goes_on and not anew:
            self.emulator.wait(1)
        else:
            self.emulator.begin()
            self.emulator.wait(int(rng.integers(1, self.rules.noops + 1)))
            self.score = 0
        stack[:-1] = 0
        self.emulator.show(stack[-1])
        self.lives, self.action = self.emulator.ale.lives(), 0
        self.over = self._goes_on = False

    def step(
        self, action: int, rng: np.random.Generator, stack: Pixels
    ) -> tuple[float, bool, bool]:
        """Run one action.

        Args:
            action: index of `actions`.
            rng: decides about sticky actions.
            stack: loses the oldest screen and receives the new one.

        Returns:
            Reward, terminated and truncated.
        """
        stack[:-1] = stack[1:]
        frames = self._repeated[action]
        if self.rules.sticky:
            frames = self._stuck(frames[0], rng)
        self.action = frames[-1]
        gain = self.emulator.play(frames, stack[-1])
        self.score += gain
        before, self.lives = self.lives, self.emulator.ale.lives()
        terminated = self.emulator.ale.game_over()
        truncated = not terminated and self.frame + SKIP > self.rules.limit
        if not self.rules.training:
            self.over = terminated or truncated
            return float(gain), terminated, truncated
        if 0 < self.lives < before and not (terminated or truncated):
            terminated = self._goes_on = True
        self.over = terminated or truncated
        return float((gain > 0) - (gain < 0)), terminated, truncated

    def summary(self) -> dict[str, Any]:
        """Info at the end of an episode: the game's score and the lives left."""
        return {"score": float(self.score), "lives": self.lives}

    def _stuck(self, action: int, rng: np.random.Generator) -> tuple[int, ...]:
        """An action for each frame; each repeats the frame before it with the given odds."""
        last, frames = self.action, []
        for kept in (rng.random(SKIP) < self.rules.sticky).tolist():
            last = last if kept else action
            frames.append(last)
        return tuple(frames)
