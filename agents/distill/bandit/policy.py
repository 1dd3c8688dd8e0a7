"""UCB1 over plain rules, each pull an episode of practice."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leapbench.agents.common.bounds import bounded
from leapbench.agents.common.state import broken
from leapbench.agents.distill.common.arms import NAMES, Each, arm
from leapbench.agents.distill.common.look import Look
from leapbench.agents.distill.common.selector import Selector, environment_of, returns
from leapbench.contract.agent import LearningPhase
from leapbench.envs.distill.choices import Decision

ARM = "arm.json"
LANES = len(NAMES)
"""Episodes at once: the first of them try every rule."""


class Bandit(Selector):
    """Learns which plain rule earns the most on practice instances, and follows it.

    Args:
        width: of the confidence bound, in units of UCB1's, for returns that differ by a few
            points of accuracy.
        tau: as of `Selector`.
        alpha: as of `Selector`.
        tuned: as of `Selector`; not used.
    """

    def __init__(
        self, width: float = 0.1, tau: float = 4.0, alpha: float = 0.5, tuned: bool = False
    ) -> None:
        super().__init__(tau, alpha, False)
        self.width = width
        bounded(self, {"width": 0})
        self.name = NAMES[0]

    def learn(self, phase: LearningPhase) -> None:
        """Pull while the practice pays for whole episodes."""
        super().learn(phase)
        total, pulls = np.zeros(LANES), np.zeros(LANES)
        env = environment_of(phase, LANES)
        rounds = self.sizes["trajectories"] * self.sizes["checkpoints"] + self.sizes["blocks"]
        while phase.meter.left >= (rounds + 2) * LANES:
            pulled = self._pulled(total, pulls)
            each = Each([arm(NAMES[at], self.sizes) for at in pulled])
            earned = returns(env, each, phase.seed + int(pulls.sum()))
            np.add.at(total, pulled, earned)
            np.add.at(pulls, pulled, 1)
            share = phase.meter.used / phase.meter.budget.limit
            phase.report(share, f"{int(pulls.sum())} episodes")
        env.close()
        if pulls.any():
            self.name = NAMES[int(np.argmax(total / np.maximum(pulls, 1)))]

    def _pulled(self, total: NDArray[np.float64], pulls: NDArray[np.float64]) -> list[int]:
        """Rules of the next episodes: every one at first, then by their upper bounds."""
        if not pulls.any():
            return list(range(LANES))
        total, pulls = total.copy(), pulls.copy()
        chosen = []
        for _ in range(LANES):
            mean = total / pulls
            at = int(np.argmax(mean + self.width * np.sqrt(2 * np.log(pulls.sum()) / pulls)))
            chosen.append(at)
            total[at], pulls[at] = total[at] + mean[at], pulls[at] + 1
        return chosen

    def chosen(self, place: int, look: Look) -> Decision:
        """See `Selector.chosen`."""
        return arm(self.name, self.sizes).decide(look)

    def growth(self, look: Look) -> tuple[int, ...]:
        """Not asked for."""
        return ()

    def pick(self, look: Look) -> dict[int, float]:
        """Not asked for."""
        return {}

    def save(self, folder: Path) -> None:
        """See `Selector.save`; the rule beside it."""
        super().save(folder)
        (folder / ARM).write_text(json.dumps(self.name), encoding="utf-8")

    def load(self, folder: Path) -> None:
        """See `Selector.load`."""
        super().load(folder)
        try:
            name = json.loads((folder / ARM).read_text(encoding="utf-8"))
            self.name = NAMES[NAMES.index(name)]
        except (OSError, ValueError) as error:
            raise broken(folder / ARM, self, error) from error
