"""Few rewarded steps: warm up with what there is, replay it, then act greedily.

The warm-up is the whole difference between the agents in this phase. Budgets,
updates and constants are the same for all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from leapbench.agents.urlb.common.tabular.tables import Floats, Rows, best, update
from leapbench.agents.urlb.common.tabular.transitions import Transition, steps
from leapbench.contract.agent import LearningPhase
from leapbench.errors import UserError

BLOCK = 4096
"""Random numbers drawn at once."""


@dataclass(frozen=True)
class Tuning:
    """Constants of fine-tuning.

    Attributes:
        warmup: share of the budget that is warm-up, in [0, 1].
        rate: learning rate of the task's table.
        discount: of the task's return.
        replay: extra updates a step, on earlier steps of the phase.
        epsilon: share of random actions after the warm-up.

    Raises:
        UserError: for a share or rate outside [0, 1], or a negative number of updates.
    """

    warmup: float
    rate: float
    discount: float
    replay: int
    epsilon: float

    def __post_init__(self) -> None:
        """Refuse what has no meaning."""
        for name in ("warmup", "rate", "discount", "epsilon"):
            within(name, getattr(self, name))
        if self.replay < 0:
            raise UserError(f"replay must be 0 or more, got {self.replay}.")


def within(name: str, value: float) -> None:
    """Refuse a setting outside [0, 1].

    Raises:
        UserError: with the setting's name.
    """
    if not 0 <= value <= 1:
        raise UserError(f"{name} must be in [0, 1], got {value}.")


class Warm:
    """How an agent acts before the task's table is used, and breaks ties after.

    Args:
        act: action from the cell, the time in the episode and the number of the way.
        ways: different ways to act, taken in turn, one an episode.
        prior: float64 (ways, cells, actions), preference among equal values once a
            way has been chosen; None for chance.
    """

    def __init__(
        self, act: Callable[[int, int, int], int], ways: int, prior: Floats | None
    ) -> None:
        self.act, self.ways, self.prior = act, ways, prior
        self._sum, self._count = [0.0] * ways, [0] * ways

    def seen(self, step: Transition) -> None:
        """Count the reward of a warm-up step for the way that took it."""
        self._sum[step.episode % self.ways] += step.reward
        self._count[step.episode % self.ways] += 1

    @property
    def better(self) -> int:
        """The way with the highest mean reward in the warm-up; the first among equals."""
        means = [total / max(1, n) for total, n in zip(self._sum, self._count, strict=True)]
        return means.index(max(means))


def finetune(
    phase: LearningPhase, warm: Warm, shape: tuple[int, int], tuning: Tuning
) -> tuple[Floats, int]:
    """Learn the task's table from scratch; every step is stored and replayed.

    Args:
        phase: the rewarded phase.
        warm: how the agent acts first, and its preference among equals.
        shape: cells and actions.
        tuning: constants.

    Returns:
        The table, float64 (cells, actions), and the way that breaks its ties.
    """
    rng = np.random.default_rng([phase.seed, 1])
    random = Numbers(rng)
    table: Rows = np.zeros(shape).tolist()
    stored: list[Transition] = []
    limit = phase.meter.budget.limit
    warmup = round(tuning.warmup * limit)
    priors = None if warm.prior is None else warm.prior.tolist()

    def choose(cell: int, time: int, episode: int) -> int:
        if len(stored) < warmup:
            return warm.act(cell, time, episode % warm.ways)
        if random() < tuning.epsilon:
            return int(random() * shape[1])
        if priors is None:
            return best(table[cell], [random() for _ in range(shape[1])])
        return best(table[cell], priors[warm.better][cell])

    for step in steps(phase, choose):
        if len(stored) < warmup:
            warm.seen(step)
        stored.append(step)
        again = [stored[int(random() * len(stored))] for _ in range(tuning.replay)]
        for one in (step, *again):
            update(table, one.cell, one.action, one.reward, one.next, tuning.rate, tuning.discount)
        if not len(stored) % 200:
            phase.report(len(stored) / limit, "fine-tuning")
    return np.array(table), warm.better


class Numbers:
    """Uniform numbers in [0, 1), drawn in blocks because single draws are slow."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._left: list[float] = []

    def __call__(self) -> float:
        """The next number."""
        if not self._left:
            self._left = self._rng.random(BLOCK).tolist()
        return self._left.pop()
