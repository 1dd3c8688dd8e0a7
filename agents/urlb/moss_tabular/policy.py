"""Two tables, one that seeks surprising cells and one that avoids them."""

from __future__ import annotations

from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.agents.urlb.common.tabular.finetune import Numbers, Warm, within
from leapbench.agents.urlb.common.tabular.policy import Tabular
from leapbench.agents.urlb.common.tabular.tables import Floats, update
from leapbench.agents.urlb.common.tabular.transitions import steps
from leapbench.contract.agent import LearningPhase
from leapbench.errors import UserError

EXPLORE, CONTROL = 0, 1
SMALL = 1e-6
"""Size of the random initial values, which only break ties."""
HUGE = 1e200


class TabularMoss(Tabular):
    """A mixture of surprises in time: explore first, then control (MOSS, tabular).

    The surprise of a step is h = -log p(cell) of the cell that it ends in, less a
    running mean; p is the share of recent visits, of both modes together. The explore
    table learns from +h, the control table from -h, each from the steps of its own
    mode. Without the running mean the reward has one sign, which makes tables that
    start at zero optimistic or pessimistic everywhere, and inverts the modes.

    Args:
        share: share of an episode that is exploring, in [0, 1]; the rest is control.
        epsilon: share of random actions before fine-tuning, in [0, 1].
        rate: learning rate of both tables, in (0, 1].
        forget: what is left of all visit counts a step later, in (0, 1].
        centring: how fast the running mean follows, in (0, 1]; 0 for no centring.
        warmup: share of the fine-tuning budget spent on the warm-up, in [0, 1].
        task_rate: learning rate of the task's table.
        discount: of all tables.
        replay: extra updates a fine-tuning step.
        task_epsilon: share of random actions after the warm-up.

    Attributes:
        modes: float64 (2, cells, actions), explore and control table.
        horizon: steps of an episode, T.
    """

    def __init__(
        self,
        share: float = 0.7,
        epsilon: float = 0.15,
        rate: float = 0.2,
        forget: float = 0.9998,
        centring: float = 0.001,
        warmup: float = 0.4,
        task_rate: float = 0.3,
        discount: float = 0.95,
        replay: int = 8,
        task_epsilon: float = 0.1,
    ) -> None:
        named = {"share": share, "epsilon": epsilon, "rate": rate, "centring": centring}
        for name, value in named.items():
            within(name, value)
        if not 0 < forget <= 1:
            raise UserError(f"forget must be in (0, 1], got {forget}.")
        super().__init__(warmup, task_rate, discount, replay, task_epsilon)
        self.share, self.epsilon, self.rate = share, epsilon, rate
        self.forget, self.centring = forget, centring
        self.modes = np.zeros((2, 0, 0))
        self.horizon = 0

    @property
    def ways(self) -> list[int]:
        """The modes that this mixture has."""
        return [mode for mode, part in ((EXPLORE, self.share), (CONTROL, 1 - self.share)) if part]

    def explore(self, phase: LearningPhase) -> None:
        """Learn both tables from their own share of each episode."""
        cells, actions = self.shape
        self.horizon = int(phase.settings["horizon"])
        rng = np.random.default_rng([phase.seed, 0])
        random, visits = Numbers(rng), Visits(cells, self.forget, self.centring)
        tables = (rng.random((2, cells, actions)) * SMALL).tolist()
        switch, limit = self.share * self.horizon, phase.meter.budget.limit
        discount = self.tuning.discount

        def choose(cell: int, time: int, episode: int) -> int:
            if random() < self.epsilon:
                return int(random() * actions)
            row = tables[EXPLORE if time < switch else CONTROL][cell]
            return int(row.index(max(row)))

        for step in steps(phase, choose):
            surprise = visits.surprise(step.next)
            mode = EXPLORE if step.time < switch else CONTROL
            reward = surprise if mode == EXPLORE else -surprise
            update(tables[mode], step.cell, step.action, reward, step.next, self.rate, discount)
            if not phase.meter.used % 1000:
                phase.report(phase.meter.used / limit, "exploring without reward")
        self.modes = np.array(tables)

    def warm(self, seed: int) -> Warm:
        """Act by each mode in turn, one an episode."""
        random, ways = Numbers(np.random.default_rng([seed, 0])), self.ways
        tables, actions = [self.modes[mode].tolist() for mode in ways], self.shape[1]

        def act(cell: int, time: int, way: int) -> int:
            if random() < self.epsilon:
                return int(random() * actions)
            row = tables[way][cell]
            return int(row.index(max(row)))

        return Warm(act, len(ways), self.prior())

    def wander(self, cell: NDArray[np.int64], time: NDArray[np.int64]) -> NDArray[np.int64]:
        """Explore for the first share of the episode, then control."""
        mode = np.where(time < self.share * self.horizon, EXPLORE, CONTROL)
        greedy = self.modes[mode, cell].argmax(axis=1)
        other = (self.random(len(cell)) * self.shape[1]).astype(np.int64)
        return np.where(self.random(len(cell)) < self.epsilon, other, greedy)

    def prior(self) -> Floats | None:
        """The tables of the modes."""
        return self.modes[self.ways]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """See `Tabular.arrays`."""
        return super().arrays() | {"modes": self.modes, "horizon": np.array(self.horizon)}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """See `Tabular.restore`."""
        super().restore(arrays)
        self.modes, self.horizon = arrays["modes"], int(arrays["horizon"])


class Visits:
    """Share of recent visits of each cell, and how surprising another one is.

    Args:
        cells: number of cells; each begins with one visit.
        forget: what is left of all counts a step later, in (0, 1].
        centring: how fast the running mean of the surprise follows; 0 for none.
    """

    def __init__(self, cells: int, forget: float, centring: float) -> None:
        self._counts, self._total, self._weight = [1.0] * cells, float(cells), 1.0
        self._forget, self._centring = forget, centring
        self._mean = log(cells) if centring else 0.0

    def surprise(self, cell: int) -> float:
        """-log of the cell's share before this visit, less the mean; counts the visit."""
        raw = log(self._total / self._counts[cell])
        centred = raw - self._mean
        self._mean += self._centring * centred
        # Newer visits weigh more, instead of older ones less: one number changes a step.
        self._weight /= self._forget
        self._counts[cell] += self._weight
        self._total += self._weight
        if self._weight > HUGE:
            self._counts = [count / self._weight for count in self._counts]
            self._total, self._weight = self._total / self._weight, 1.0
        return centred
