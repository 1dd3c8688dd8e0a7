"""The exit rules of image networks, one look after the other in place of exits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from leapbench.agents.common.exits import chance, fixed, patience, scores
from leapbench.agents.common.exits.chance import hazard
from leapbench.agents.videoglance.common.looking import Looking
from leapbench.contract.agent import LearningPhase
from leapbench.errors import UserError


class Confidence(Looking, scores.Confidence):
    """Answers when the largest softmax value reaches the threshold of that many looks."""


class Entropy(Looking, scores.Entropy):
    """Answers when the softmax's entropy is low enough for that many looks."""


class Patience(Looking, patience.Patience):
    """Answers when enough looks in a row left the answer as it was."""


class Random(Looking, chance.Random):
    """Answers at random, with the shares of clips that confidence would answer then."""


class Even(Looking, chance.Random):
    """No exit rule: every clip gets as many looks as the budget pays for each.

    What is left over buys one more look for a share of the clips, drawn at random.
    """

    def fit(self, phase: LearningPhase, budgets: Sequence[int]) -> NDArray[np.float64]:
        """Probability of answering after each number of looks, float64 (G, K + 1)."""
        self._restart(phase.seed)
        costs = phase.data.costs
        rows = []
        for budget in budgets:
            looks = np.clip((budget - costs[0]) / (costs[1] - costs[0]), 0, len(costs) - 1)
            some = int(looks)
            shares = np.zeros(len(costs))
            shares[some] = 1 - (looks - some)
            if some + 1 < len(costs):
                shares[some + 1] = looks - some
            rows.append(hazard(np.rint(shares * 1_000_000).astype(np.int64)))
        return np.stack(rows)


class Fixed(Looking, fixed.Fixed):
    """The same number of looks for every clip, for as long as the budget lasts.

    Args:
        looks: 0 answers from the glance; -1 stands for as many as there are.
        order: where they are; see `Looking`.

    Raises:
        UserError: for another order, or looks below -1.
    """

    def __init__(self, looks: int = -1, order: str = "model") -> None:
        if looks < -1:
            raise UserError(f"looks must be 0 or more, or -1 for all, got {looks}.")
        Looking.__init__(self, order)
        fixed.Fixed.__init__(self, looks + 1 if looks >= 0 else fixed.LAST)
