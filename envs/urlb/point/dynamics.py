"""The rules, once: what the single and the vector environment both compute with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leapbench.errors import UserError, unknown

Floats = NDArray[np.float64]

GOALS = {
    "bottom-left": (-0.8, -0.8),
    "bottom-right": (0.8, -0.8),
    "top-left": (-0.8, 0.8),
    "calm": (0.5, 0.5),
}
"""Where each task's reward is largest; "calm" is the middle of the disc."""
CENTRE, RADIUS = (0.5, 0.5), 0.25
"""The disc without kicks."""
DRAG = 0.8
"""Share of the velocity that is left a step later."""
FASTEST = 1.0
"""Largest speed along an axis, side lengths of half the box a step."""
START = 0.1
"""Episodes begin at most this far from the middle, along either axis."""
SCALE = 5.0
"""Observed velocities are multiplied by this, so that they are of the order of positions."""
LONGEST = 100_000
"""Steps of an episode."""


@dataclass(frozen=True)
class PointWorld:
    """A box, its kicks, the length of its episodes and where reward lies.

    Attributes:
        noise: standard deviation of a kick along either axis, 0 or more.
        horizon: steps of an episode, T.
        task: a name of `GOALS`, or None for no reward anywhere.
        gain: speed that a full action adds in a step.
        width: standard deviation of the reward's bell around the goal.
    """

    noise: float
    horizon: int
    task: str | None
    gain: float
    width: float

    @classmethod
    def build(
        cls, noise: float, horizon: int, task: str | None, gain: float, width: float
    ) -> PointWorld:
        """Validate the arguments that both environments take; see `EntropyPointEnv`.

        Raises:
            UserError: for an unknown task, or a number out of range.
        """
        _number("noise", noise, 0, 1)
        _number("gain", gain, 0.001, 1)
        _number("width", width, 0.01, 10)
        whole = isinstance(horizon, int | np.integer) and not isinstance(horizon, bool)
        if not whole or not 1 <= horizon <= LONGEST:
            raise UserError(f"horizon must be an integer from 1 to {LONGEST}, got {horizon!r}.")
        if task is not None and task not in GOALS:
            raise unknown("task", str(task), GOALS)
        return cls(float(noise), int(horizon), task, float(gain), float(width))

    def begin(self, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """A new episode: state float64 (4,) and its kicks, float64 (T, 2).

        One seed gives the same start and the same kicks, to scale, at any noise.
        """
        start = np.concatenate([rng.uniform(-START, START, 2), np.zeros(2)])
        return start, self.noise * rng.standard_normal((self.horizon, 2))

    def step(self, state: Floats, action: NDArray[np.floating], kick: Floats) -> Floats:
        """The next states.

        Args:
            state: float64 (B, 4): x, y and the velocity along either axis.
            action: (B, 2) in [-1, 1].
            kick: float64 (B, 2), added to the velocity outside the disc.

        Returns:
            float64 (B, 4). At a wall the position stays in the box and that component
            of the velocity is 0.
        """
        place, speed = state[:, :2], state[:, 2:]
        outside = ((place - CENTRE) ** 2).sum(axis=1, keepdims=True) > RADIUS**2
        speed = DRAG * speed + self.gain * action + kick * outside
        speed = np.clip(speed, -FASTEST, FASTEST)
        moved = place + speed
        inside = np.clip(moved, -1, 1)
        return np.concatenate([inside, np.where(moved == inside, speed, 0.0)], axis=1)

    def reward(self, state: Floats) -> Floats:
        """exp(-d^2 / (2 width^2)) of the distance d to the goal, float64 (B,); 0 without one."""
        if self.task is None:
            return np.zeros(len(state))
        distance = ((state[:, :2] - GOALS[self.task]) ** 2).sum(axis=1)
        return np.asarray(np.exp(-distance / (2 * self.width**2)))


def observed(state: Floats) -> NDArray[np.float32]:
    """What an agent sees of states (B, 4): x, y and the velocity times `SCALE`, float32."""
    return (state * (1, 1, SCALE, SCALE)).astype(np.float32)


def _number(name: str, value: object, low: float, high: float) -> None:
    real = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not real or not low <= value <= high:  # type: ignore[operator]
        raise UserError(f"{name} must be a number from {low:g} to {high:g}, got {value!r}.")
