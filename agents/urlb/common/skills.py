"""Skills: vectors that condition a policy, drawn anew every few steps."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from leapbench.agents.urlb.common.ddpg import one_of
from leapbench.errors import UserError

Floats = NDArray[np.float32]
SEEK, AVOID = 0, 1
"""Modes: maximise surprise, minimise it."""
MODES = ("both", "max", "min")
PLACES = ("sign", "half", "same", "discrete")


class Skills(ABC):
    """A distribution of skills.

    Args:
        size: numbers of a skill, 0 for none.
        period: steps for which one is held.

    Raises:
        UserError: for a negative size or an empty period.
    """

    def __init__(self, size: int, period: int) -> None:
        if size < 0 or period < 1:
            raise UserError(
                f"skill must be 0 or more and period 1 or more, got {size} and {period}."
            )
        self.size, self.period = size, period

    @abstractmethod
    def draw(self, rng: np.random.Generator, time: int, horizon: int) -> tuple[Floats, int]:
        """A skill float32 (size,) and its mode, at a time of an episode of `horizon` steps."""

    def constant(self) -> Floats:
        """The skill that stands for all of them, float32 (size,)."""
        return np.full(self.size, 0.5, np.float32)


class NoSkills(Skills):
    """No skills: a policy that is not conditioned."""

    def __init__(self) -> None:
        super().__init__(0, 1)

    def draw(self, rng: np.random.Generator, time: int, horizon: int) -> tuple[Floats, int]:
        """An empty skill."""
        return np.zeros(0, np.float32), SEEK


class Uniform(Skills):
    """Uniform in [0, 1]^size (CIC).

    Args:
        size: numbers of a skill.
        period: steps for which one is held.
        mode: of every skill, `SEEK` or `AVOID`.
    """

    def __init__(self, size: int, period: int, mode: int = SEEK) -> None:
        super().__init__(size, period)
        self.mode = mode

    def draw(self, rng: np.random.Generator, time: int, horizon: int) -> tuple[Floats, int]:
        """A point of the box."""
        return rng.random(self.size, np.float32), self.mode


class OneHot(Skills):
    """One of `size` skills (DIAYN, SMM)."""

    def draw(self, rng: np.random.Generator, time: int, horizon: int) -> tuple[Floats, int]:
        """A unit vector along an axis."""
        skill = np.zeros(self.size, np.float32)
        skill[rng.integers(self.size)] = 1.0
        return skill, SEEK

    def constant(self) -> Floats:
        """The first skill."""
        return np.asarray(np.arange(self.size) == 0, np.float32)


class SphereSkills(Skills):
    """A uniform direction (APS)."""

    def draw(self, rng: np.random.Generator, time: int, horizon: int) -> tuple[Floats, int]:
        """A vector of length 1."""
        drawn = rng.standard_normal(self.size, np.float32)
        return np.asarray(drawn / np.linalg.norm(drawn), np.float32), SEEK

    def constant(self) -> Floats:
        """The direction of equal components."""
        return np.full(self.size, self.size**-0.5, np.float32)


class Mixture(Skills):
    """Skills of two modes, one part of an episode after the other (MOSS).

    An episode of T steps is cut into intervals of floor(T / partitions) steps; even ones
    seek surprise, odd ones avoid it. The mode changes where a skill is drawn, so at the
    next multiple of `period`.

    Args:
        size: numbers of a skill.
        period: steps for which one is held.
        partitions: 2 for halves (the paper), 1.5 for two thirds and the rest (the README).
        modes: "both", "max" to seek all the time, or "min" to avoid.
        place: what of the skill tells the mode. "sign": [0, 1]^size and [-1, 0]^size;
            "half": the first or the last half is in [0, 1], the other 0; "same": nothing;
            "discrete": all 1 or all -1.

    Raises:
        UserError: for a setting that has no meaning.
    """

    def __init__(self, size: int, period: int, partitions: float, modes: str, place: str) -> None:
        super().__init__(size, period)
        one_of("modes", modes, MODES)
        one_of("place", place, PLACES)
        if not partitions >= 1:
            raise UserError(f"partitions must be 1 or more, got {partitions}.")
        if place == "half" and size % 2:
            raise UserError(f"place=half needs a skill of even size, got {size}.")
        self.partitions, self.modes, self.place = partitions, modes, place

    def mode(self, time: int, horizon: int) -> int:
        """The mode at a time of an episode of `horizon` steps."""
        if self.modes != "both":
            return SEEK if self.modes == "max" else AVOID
        return time // max(1, int(horizon / self.partitions)) % 2

    def draw(self, rng: np.random.Generator, time: int, horizon: int) -> tuple[Floats, int]:
        """A skill of the time's mode."""
        mode = self.mode(time, horizon)
        skill = rng.random(self.size, np.float32)
        if self.place == "sign":
            skill = skill if mode == SEEK else -skill
        elif self.place == "half":
            half = self.size // 2
            skill[half if mode == SEEK else 0 : None if mode == SEEK else half] = 0.0
        elif self.place == "discrete":
            skill = np.full(self.size, 1.0 if mode == SEEK else -1.0, np.float32)
        return skill, mode
