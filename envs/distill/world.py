"""Begins episodes, and takes a round in many of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from leapbench.envs.distill.bank import bank
from leapbench.envs.distill.choices import Decision
from leapbench.envs.distill.costs import prices
from leapbench.envs.distill.episode import Episode
from leapbench.envs.distill.setup import Setup, scenario_of
from leapbench.envs.distill.stack import initial
from leapbench.envs.distill.teaching import teach
from leapbench.envs.distill.training import tensor
from leapbench.envs.refusals import amount, count

OPTIONS = ("scenario", "instance", "student", "budget")
"""Options of `reset`."""
MOST = 2**31
"""Above every number of an instance or of a student."""


class World:
    """Begins and advances episodes.

    Args:
        setup: the arguments.

    Attributes:
        longest: rounds after which an episode is cut off: all there is to buy, and some.
    """

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.longest = 2 * setup.slots + setup.blocks + 8

    def begin(self, rng: np.random.Generator, options: dict[str, Any] | None) -> Episode:
        """A new episode.

        Args:
            rng: draws the instance and the student, those that `options` do not name.
            options: see the environment's `reset`.

        Raises:
            UserError: for an option that is none, or out of range.
        """
        setup, given = self.setup, dict(options or {})
        drawn = (rng.integers(len(setup.scenarios)), rng.integers(setup.instances))
        student = int(rng.integers(MOST))
        name = given.get("scenario", setup.scenarios[int(drawn[0])])
        scenario_of(name)
        number = count("instance", given.get("instance", int(drawn[1])), 0, MOST - 1)
        student = count("student", given.get("student", student), 0, MOST - 1)
        share = amount("budget", given.get("budget", setup.budget), 0, 1000, above=True)
        return begin(setup, name, number, student, share)

    def advance(
        self, episodes: Sequence[Episode], decisions: Sequence[Decision]
    ) -> NDArray[np.float64]:
        """Take a round in each episode; rewards (S,)."""
        before = [episode.accuracy for episode in episodes]
        lessons = []
        for episode, decision in zip(episodes, decisions, strict=True):
            episode.rounds += 1
            episode.buy(decision)
            lesson = episode.lesson(decision)
            if lesson is not None:
                lessons.append((episode, lesson))
        self.teach(lessons)
        for episode, decision in zip(episodes, decisions, strict=True):
            if decision.reborn:
                episode.rebirth()
            done = episode.blocks >= self.setup.blocks or episode.left < episode.prices.block
            episode.over = episode.over or decision.stop or done
        after = [episode.accuracy for episode in episodes]
        return np.subtract(after, before, dtype=np.float64)

    def teach(self, lessons: Sequence[tuple[Episode, Decision]]) -> None:
        """Train students for their blocks."""
        teach(lessons)


def begin(setup: Setup, scenario: str, number: int, student: int, share: float) -> Episode:
    """An episode on one instance, with one student and a budget in whole teachers."""
    chosen = scenario_of(scenario)
    costs, (_, shape) = prices(setup, chosen), setup.shapes(chosen)
    budget = round(share * costs.whole)
    first = tensor(initial(shape, np.random.default_rng([student, 0])))
    return Episode(
        setup=setup,
        bank=bank(setup, scenario, number),
        number=student,
        budget=budget,
        weights=first,
        velocity=torch.zeros_like(first),
        reached=[0] * setup.trajectories,
        asked=np.zeros(setup.slots, np.bool_),
        probed=np.zeros(setup.slots, np.bool_),
        apart=np.full(setup.slots, -1, np.float32),
        left=budget,
        prices=costs,
        shape=shape,
    )
