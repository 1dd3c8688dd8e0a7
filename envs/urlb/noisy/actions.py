"""Noise on actions, as MOSS's own test has it."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from leapbench.envs.refusals import amount, reals
from leapbench.errors import unknown

READINGS = ("deviation", "variance")


class NoisyActions(gym.Env[Any, Any]):
    """Mixin of an environment with actions in [-1, 1]: now and then one is disturbed.

    With probability `probability` N(0, s²) is added to every number of an action, which is
    then cut to [-1, 1]. The paper prints N(0, .2) (MOSS, arXiv 2210.06702) and does not say
    which `.2` is: s is `size` where `reading` is "deviation" and its square root where it is
    "variance". Numbers are drawn from `np_random`; none are with probability 0.
    """

    _probability: float
    _deviation: float

    def disturb(self, probability: float, size: float, reading: str) -> None:
        """Set the noise; call it in the constructor.

        Raises:
            UserError: for a probability outside [0, 1], a size outside [0, 10], or another
                reading than "deviation" and "variance".
        """
        if reading not in READINGS:
            raise unknown("reading", str(reading), READINGS)
        self._probability = amount("probability", probability, 0, 1)
        size = amount("size", size, 0, 10)
        self._deviation = size if reading == "deviation" else size**0.5

    def step(self, action: NDArray[np.floating]) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Act, disturbed or not.

        Raises:
            InvalidAction: for what is no action, before anything is drawn.
        """
        given = reals(action, self.action_space.shape or ())
        if self._probability and self.np_random.random() < self._probability:
            noise = self._deviation * self.np_random.standard_normal(given.shape)
            given = np.clip(given + noise, -1.0, 1.0)
        return super().step(given)  # type: ignore[safe-super]
