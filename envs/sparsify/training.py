"""One training run of a sparse network, and the two ledgers that no decision can overdraw."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from leapbench.envs.sparsify import scores
from leapbench.envs.sparsify.facts import KINDS, Facts
from leapbench.envs.sparsify.job import Job
from leapbench.envs.sparsify.masked import Masked
from leapbench.envs.sparsify.masks import top
from leapbench.envs.sparsify.network import layers_of
from leapbench.errors import BudgetExceeded, InvalidOutput

MOST = 1000
"""Batches of a round of scores."""


class Training(Masked):
    """A masked network that is trained; every multiply-add is counted before it is spent.

    Args:
        job: what is trained.
        seed: of initial weights, order of pictures and redrawn weights.

    Attributes:
        budget: weights that may be kept.
        limit: multiply-adds that may be spent, and `spent`, those so far.
        deadline: iteration from which on masks must be inside the budget.
    """

    def __init__(self, job: Job, seed: int) -> None:
        super().__init__(job, seed)
        size = (job.where.height, job.where.width)
        shared = layers_of(self.built(False), size) if job.separate else self.layers
        total, dense = sum(each.size for each in shared), sum(each.cost for each in shared)
        self.budget = total - math.floor(job.sparsity * total)
        self.limit = math.floor(job.compute * job.iterations * 3 * job.batch * dense)
        self.deadline = math.floor(job.dense_until * job.iterations)
        self.spent = 0
        if self.deadline == 0 or self.over:
            self._trim()

    @property
    def over(self) -> bool:
        """Whether no further update follows: all are made, or the next cannot be paid."""
        done = self.iteration >= self.job.iterations
        return done or self.update_cost > self.limit - self.spent

    @cached_property
    def facts(self) -> Facts:
        """What an agent is told."""
        return Facts(
            tuple(layer.name for layer in self.layers),
            tuple(layer.group for layer in self.layers),
            tuple(layer.owner for layer in self.layers),
            tuple(layer.shape for layer in self.layers),
            tuple(layer.cost for layer in self.layers),
            self.budget,
            self.job.iterations,
            self.deadline,
            self.tasks,
            tuple(self.lambdas),
            self.seed,
        )

    def score(self, kind: str, batches: int) -> NDArray[np.float32]:
        """Score every weight on training pictures; see `Round.scores`.

        Args:
            kind: "gradients" per task, summed over batches as absolute values, "signed" with
                their signs, "saliency" the former times |w|; "joint" and "joint-saliency" of
                the weighted sum; "grasp"; "none". With "-xavier" behind it, on redrawn weights.
            batches: of the training's own batch size.

        Raises:
            BudgetExceeded: when the multiply-adds cannot be paid; none are spent then.
            InvalidOutput: for an unknown kind, or another number of batches.
        """
        base = kind.removesuffix("-xavier")
        if base not in KINDS:
            raise InvalidOutput(f"asked for {kind!r}, expected one of {', '.join(KINDS)}")
        if type(batches) is not int or not 0 <= batches <= MOST:
            raise InvalidOutput(f"asked for {batches!r} batches of {kind}, expected 0 to {MOST}")
        if base == "none" or not batches:
            return np.zeros((0, len(self.mask)), np.float32)
        per_picture = scores.cost(base, self.layers, self.active, len(self.tasks))
        self._spend(per_picture * self.job.batch * batches)
        drawn = [self.batches.next() for _ in range(batches)]
        with self.threads():
            if base == kind:
                found = self._scored(base, drawn)
            else:
                with scores.redrawn(self.weights, self.seed):
                    found = self._scored(base, drawn)
        return np.asarray(found.numpy(force=True))

    def decide(self, mask: Any, rewind: bool = False) -> None:
        """Take over a mask; if it leaves no update that can be paid, it is cut to the budget.

        Args:
            mask: bool (P,).
            rewind: see `Masked.rewind`.

        Raises:
            InvalidOutput: for what is no mask, or one over the budget from the deadline on.
        """
        if not isinstance(mask, np.ndarray):
            raise InvalidOutput(f"a mask is bool {self.mask.shape}, got {type(mask)}")
        own = np.array(mask, subok=False)  # a copy, and no subclass that counts in its own way
        if own.dtype != bool or own.shape != self.mask.shape:
            raise InvalidOutput(f"a mask is bool {self.mask.shape}, got {own.dtype} {own.shape}")
        count = int(own.sum())
        if self.iteration >= self.deadline and count > self.budget:
            text = f"a mask keeps {count} weights of {self.budget} at iteration {self.iteration}"
            raise InvalidOutput(text)
        if rewind:
            self.rewind()
        self.wear(own)
        if self.over:  # a mask that no update can be paid under
            self._trim()

    def train(self, iterations: int) -> int:
        """Make up to so many updates, as far as they can be paid; how many were made.

        From the deadline on, and where nothing more can be paid, a mask that is over the
        budget loses its smallest weights first.
        """
        self.network.train()
        made = 0
        while made < iterations:
            if self.iteration >= self.deadline or self.over:
                self._trim()
            if self.over:
                break
            self._spend(self.update_cost)
            with self.threads():
                self._update()
            made += 1
        if self.over:
            self._trim()
        return made

    def _scored(self, base: str, drawn: Any) -> Tensor:
        arguments = (self.network, self.weights)
        if base == "grasp":
            return scores.grasp(*arguments, drawn, self.losses, self.lambdas, self.tasks)
        if base.startswith("joint"):
            found = scores.joint_gradients(*arguments, drawn, self.losses, self.lambdas)
        else:
            owners = [layer.owner for layer in self.layers]
            signed = base == "signed"
            found = scores.task_gradients(*arguments, owners, drawn, self.losses, signed)
        if base.endswith("saliency"):
            found *= torch.cat([each.detach().reshape(-1) for each in self.weights]).abs()
        return found

    def _spend(self, amount: int) -> None:
        if amount > self.limit - self.spent:
            left = self.limit - self.spent
            raise BudgetExceeded(f"{amount} more multiply-adds asked for, {left} left")
        self.spent += amount

    def _trim(self) -> None:
        if int(self.mask.sum()) > self.budget:
            self.wear(top(np.abs(self.flat()) * self.mask, self.budget))
