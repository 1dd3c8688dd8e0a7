"""A method that chooses masks by a rule and learns nothing beforehand."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.contract.agent import LearningPhase
from leapbench.envs.sparsify.facts import Decision, Facts, Plan
from leapbench.envs.sparsify.masks import Bools, per_layer, total

Floats = NDArray[np.float32]


class Method(ABC):
    """Decides at the rounds of its plan; what it draws depends on seed and iteration alone.

    Attributes:
        facts: about the network, from `plan` on.
        separate: whether each task gets a backbone of its own.
    """

    facts: Facts
    separate = False

    def plan(self, facts: Facts) -> Plan:
        """Take the facts, and say when to decide by what."""
        self.facts = Facts(*facts)
        return self.rounds()

    @abstractmethod
    def rounds(self) -> Plan:
        """Rounds (iteration, kind of scores, batches); see `Facts`."""

    @abstractmethod
    def keep(self, iteration: int, weights: Floats, mask: Bools, scores: Floats) -> Decision:
        """The new mask, bool (P,); see `leapbench.envs.sparsify.facts.Round`."""

    @property
    def everything(self) -> Bools:
        """One row (1, P) for scores that all tasks have together."""
        return np.ones((1, sum(self.facts.sizes)), bool)

    def chance(self, iteration: int) -> NDArray[np.float64]:
        """Uniform numbers in (0, 1], (1, P)."""
        rng = np.random.default_rng((self.facts.seed, iteration))
        return 1 - rng.random((1, sum(self.facts.sizes)))

    def random_mask(self, counts: list[int]) -> Bools:
        """Any `counts` weights of each layer."""
        scores = self.chance(0)
        return per_layer(total, scores, self.everything, self.facts.slices, counts)

    def learn(self, phase: LearningPhase) -> None:
        """Nothing to learn; takes no steps."""
        phase.report(1.0, "nothing to learn")

    def save(self, folder: Path) -> None:  # noqa: B027 - there is no state
        """Nothing to write."""

    def load(self, folder: Path) -> None:  # noqa: B027
        """Nothing to restore."""


def share(value: Any, iterations: int) -> int:
    """A share of the iterations, in whole updates."""
    return round(float(value) * iterations)
