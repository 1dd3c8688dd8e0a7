"""Decisions of a round, and the two ways to say one: a choice, or a row of numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.distill.setup import Setup

WARMEST = 4.0
"""A row's temperature lies within this factor of 4: from 1 to 16."""
USUAL = 4.0


@dataclass(frozen=True)
class Decision:
    """What is wanted in one round; what cannot be paid or is not owned does not happen.

    Attributes:
        extend: trajectories to buy the next checkpoint of.
        probe: slots to buy the probes of.
        weights: of each slot in the teacher; none above 0 for no teacher.
        tau: temperature.
        alpha: weight of the labels; without a teacher the rest of the weight goes to all
            classes alike, which is label smoothing.
        train: whether to train the student for a block.
        stop: whether to end the episode after that.
        itself: weight of the former student, beside `weights`.
        reborn: whether, after all this, the student becomes its own teacher, and a new one
            of the same shape begins; the one before it is forgotten.
    """

    extend: tuple[int, ...] = ()
    probe: tuple[int, ...] = ()
    weights: tuple[float, ...] = ()
    tau: float = USUAL
    alpha: float = 0.5
    train: bool = False
    stop: bool = False
    itself: float = 0.0
    reborn: bool = False


class Choices:
    """Numbers of the discrete world's actions.

    Args:
        setup: the world.

    Attributes:
        count: how many actions there are.
    """

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.slots, self.trajectories = setup.slots, setup.trajectories
        self.uniform = self.trajectories + self.slots
        self.alone = self.uniform + 1
        self.count = self.alone + 1 + self.slots + 1

    def extend(self, trajectory: int) -> int:
        """Buy the next checkpoint of a trajectory."""
        return trajectory

    def teach(self, slot: int) -> int:
        """Distil a block from an owned checkpoint."""
        return self.trajectories + slot

    def probe(self, slot: int) -> int:
        """Buy the probes of an owned checkpoint."""
        return self.alone + 1 + slot

    @property
    def stop(self) -> int:
        """End the episode."""
        return self.count - 1

    def decision(self, choice: int, owned: NDArray[np.bool_]) -> Decision:
        """What a choice means where `owned`, bool (K,), is owned."""
        tau, alpha = self.setup.tau, self.setup.alpha
        if choice < self.trajectories:
            return Decision(extend=(choice,))
        if choice < self.uniform:
            weights = np.zeros(self.slots)
            weights[choice - self.trajectories] = 1
            return Decision(weights=tuple(weights.tolist()), tau=tau, alpha=alpha, train=True)
        if choice == self.uniform:
            weights = owned.astype(float)
            return Decision(weights=tuple(weights.tolist()), tau=tau, alpha=alpha, train=True)
        if choice == self.alone:
            return Decision(tau=tau, alpha=1.0, train=True)
        if choice == self.stop:
            return Decision(stop=True)
        return Decision(probe=(choice - self.alone - 1,))


class Numbers:
    """Places in the Box world's actions, all in [-1, 1].

    Trajectories to extend, slots to probe, train and stop are wanted above 0; a slot's weight
    in the teacher is what its number is above 0. The temperature is 4 * 4^x, alpha (1 + x) / 2.
    Then come train, stop, the former student's weight, and whether to begin a new one.

    Args:
        setup: the world.

    Attributes:
        count: numbers of an action.
    """

    def __init__(self, setup: Setup) -> None:
        self.trajectories, self.slots = setup.trajectories, setup.slots
        self.weights = self.trajectories + self.slots
        self.tau = self.weights + self.slots
        self.count = self.tau + 6

    def decision(self, row: NDArray[np.floating]) -> Decision:
        """What a row, (count,), means."""
        wanted = np.flatnonzero(row > 0).tolist()
        between = row[self.weights : self.tau]
        tau, alpha, train, stop, itself, reborn = row[self.tau :].tolist()
        return Decision(
            extend=tuple(at for at in wanted if at < self.trajectories),
            probe=tuple(
                at - self.trajectories for at in wanted if self.trajectories <= at < self.weights
            ),
            weights=tuple(np.maximum(0, between).astype(float).tolist()),
            tau=USUAL * WARMEST**tau,
            alpha=(1 + alpha) / 2,
            train=train > 0,
            stop=stop > 0,
            itself=max(0.0, itself),
            reborn=reborn > 0,
        )

    def row(self, decision: Decision) -> NDArray[np.float32]:
        """The row that means a decision, (count,); weights are scaled to a largest of 1."""
        found = np.full(self.count, -1.0, np.float32)
        found[list(decision.extend)] = 1
        found[[self.trajectories + slot for slot in decision.probe]] = 1
        most = max([*decision.weights, decision.itself, 1e-9])
        if decision.weights:
            found[self.weights : self.tau] = np.array(decision.weights) / most
        found[self.tau] = np.log(decision.tau / USUAL) / np.log(WARMEST)
        found[self.tau + 1] = 2 * decision.alpha - 1
        found[self.tau + 2 : self.tau + 4] = np.where([decision.train, decision.stop], 1, -1)
        found[self.tau + 4] = decision.itself / most
        found[self.tau + 5] = 1 if decision.reborn else -1
        return found.clip(-1, 1)
