"""One student, its teachers and its budget: what is owned, and what has to be paid."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from leapbench.envs.distill.bank import Bank
from leapbench.envs.distill.choices import Decision
from leapbench.envs.distill.costs import Prices
from leapbench.envs.distill.exam import apart
from leapbench.envs.distill.setup import Setup
from leapbench.envs.distill.shape import Shape
from leapbench.envs.distill.stack import Stack, initial
from leapbench.envs.distill.training import cosine, tensor


@dataclass
class Episode:
    """One student, its teachers and what is left to spend.

    Attributes:
        setup: the world.
        bank: the teachers.
        number: of the student: its first weights and the order of its data.
        budget: multiply-adds in all; `left` of them are not spent.
        weights: of the student, (parameters,), and `velocity`, its momentum.
        reached: checkpoints owned of each trajectory.
        asked: slots whose answers are paid for, bool (K,).
        probed: slots whose probes are paid for, bool (K,).
        apart: KL(teacher || student) of each owned slot, nats (K,), -1 where not owned.
        curve: validation accuracy and NLL after each block.
        spent: multiply-adds when each of them was measured.
        taught: decision of each block.
        former: weights of the student before this one, and `heard`, whether its answers are
            paid for.
        since: blocks that students before this one had.
        refused: things that were wanted and could not be had.
        rounds: taken so far.
        over: whether the episode has ended.
    """

    setup: Setup
    bank: Bank
    number: int
    budget: int
    weights: Tensor
    velocity: Tensor
    reached: list[int]
    asked: NDArray[np.bool_]
    probed: NDArray[np.bool_]
    apart: NDArray[np.float32]
    left: int
    prices: Prices
    shape: Shape
    curve: list[tuple[float, float]] = field(default_factory=list)
    spent: list[int] = field(default_factory=list)
    taught: list[Decision] = field(default_factory=list)
    former: Tensor | None = None
    heard: bool = False
    since: int = 0
    refused: int = 0
    rounds: int = 0
    over: bool = False

    @property
    def blocks(self) -> int:
        """Blocks that this student was trained for."""
        return len(self.curve) - self.since

    @property
    def accuracy(self) -> float:
        """Validation accuracy of the student; that of guessing before the first block."""
        return self.curve[-1][0] if self.blocks else 1 / self.shape.outputs

    @property
    def owned(self) -> NDArray[np.bool_]:
        """Which slots are owned, bool (K,)."""
        setup = self.setup
        each = np.arange(setup.checkpoints)[None] < np.array(self.reached)[:, None]
        return np.asarray(each.reshape(-1))

    @property
    def rate(self) -> float:
        """Learning rate at the start of the next block, as a share of the largest."""
        blocks = self.setup.blocks
        start = self.blocks * 100
        return float(cosine(100 * blocks, start, start + 1, 1.0)[0]) if start else 1.0

    def pay(self, price: int) -> bool:
        """Spend `price` and say so, or refuse."""
        if price > self.left:
            self.refused += 1
            return False
        self.left -= price
        return True

    def buy(self, decision: Decision) -> None:
        """Extensions, then probes, in order, as far as they can be paid."""
        for trajectory in decision.extend:
            if self.reached[trajectory] < self.setup.checkpoints:
                if self.pay(self.prices.extend):
                    self.reached[trajectory] += 1
                    slot = trajectory * self.setup.checkpoints + self.reached[trajectory] - 1
                    self.apart[slot] = self.compared()[slot]
            else:
                self.refused += 1
        for slot in decision.probe:
            if self.owned[slot] and not self.probed[slot]:
                self.probed[slot] = self.pay(self.prices.probe)
            else:
                self.refused += 1

    def compared(self) -> NDArray[np.float32]:
        """KL(teacher || student) as `apart` has it, now."""
        return apart(self)

    def lesson(self, decision: Decision) -> Decision | None:
        """The block that is wanted, with teachers that are owned, when it was paid; else None."""
        if not decision.train:
            return None
        weights = np.zeros(self.setup.slots)
        weights[: len(decision.weights)] = decision.weights
        if (weights[~self.owned] > 0).any():
            self.refused += 1
            weights[~self.owned] = 0
        itself = decision.itself if self.former is not None else 0.0
        asked = max([*decision.weights, decision.itself, 0.0]) > 0
        if asked and not weights.any() and not itself:
            return None  # only checkpoints that are not owned
        members = weights > 0
        due = members & ~self.asked if self.setup.cached else members
        price = self.prices.block + int(due.sum()) * self.prices.query
        if itself and not (self.setup.cached and self.heard):
            price += self.prices.itself
        if not self.pay(price):
            return None
        self.asked |= members
        self.heard = self.heard or itself > 0
        total = (weights.sum() + itself) or 1.0
        shares = tuple((weights / total).tolist())
        return replace(decision, weights=shares, itself=itself / total)

    def rebirth(self) -> None:
        """Begin a new student, which the one before it may teach."""
        self.former, self.heard, self.since = self.weights, False, len(self.curve)
        rng = np.random.default_rng([self.number, 0, self.since])
        self.weights = tensor(initial(self.shape, rng))
        self.velocity = torch.zeros_like(self.weights)
        self.apart = apart(self)

    def targets(self, lesson: Decision) -> Tensor:
        """Softened probabilities of a block's teachers, (N * V, C)."""
        if not lesson.itself or self.former is None:
            return self.bank.targets(lesson.weights, lesson.tau)
        own = Stack(self.shape, self.former[None]).forward(self.bank.inputs[None])[-1][0]
        return self.bank.targets(lesson.weights, lesson.tau, (own, lesson.itself))

    def info(self) -> dict[str, Any]:
        """How an episode ended."""
        return {
            "validation": self.accuracy,
            "spent": self.budget - self.left,
            "budget": self.budget,
            "blocks": self.blocks,
            "checkpoints": sum(self.reached),
            "refused": self.refused,
        }
