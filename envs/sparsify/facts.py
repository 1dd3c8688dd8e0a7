"""What an agent is told about a network and its budget, as arrays and plain values."""

from __future__ import annotations

import math
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.sparsify.masks import Bools

KINDS = ("none", "gradients", "signed", "saliency", "joint", "joint-saliency", "grasp")
"""What an agent may ask for before it decides; see `leapbench.envs.sparsify.scores`."""


class Facts(NamedTuple):
    """The problem, before training begins. All weights lie in one vector of length P.

    Attributes:
        names: of the L prunable layers, in the order of the vector.
        groups: part of the network that each belongs to.
        owners: index of the task that alone uses a layer, -1 where all do.
        shapes: of the layers' weights.
        costs: multiply-adds of each dense layer for one picture.
        budget: weights that may be kept at the end.
        iterations: of the whole training.
        deadline: iteration from which on no mask may have more than `budget` weights.
        tasks: names of the T tasks.
        lambdas: weights of their losses.
        seed: of the agent's random numbers, in [0, 2**31).
    """

    names: tuple[str, ...]
    groups: tuple[str, ...]
    owners: tuple[int, ...]
    shapes: tuple[tuple[int, ...], ...]
    costs: tuple[int, ...]
    budget: int
    iterations: int
    deadline: int
    tasks: tuple[str, ...]
    lambdas: tuple[float, ...]
    seed: int

    @property
    def sizes(self) -> list[int]:
        """Weights of each layer."""
        return [math.prod(shape) for shape in self.shapes]

    @property
    def slices(self) -> list[slice]:
        """Where each layer lies in the vector."""
        sizes = self.sizes
        ends = accumulate(sizes)
        return [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]

    @property
    def own(self) -> Bools:
        """Which weights each task uses, bool (T, P)."""
        owners = np.repeat(self.owners, self.sizes)
        return np.stack([(owners == -1) | (owners == k) for k in range(len(self.tasks))])


class Round(NamedTuple):
    """What an agent decides by, at one iteration.

    Attributes:
        iteration: updates so far.
        weights: float32 (P,); zero where they are masked.
        mask: bool (P,), what is kept now.
        scores: float32 (T, P) or (1, P), what was asked for; (0, P) for "none".
    """

    iteration: int
    weights: NDArray[np.float32]
    mask: Bools
    scores: NDArray[np.float32]


REWIND = "rewind"
"""Kind of a round in which nothing is scored, and weights start over under the new mask."""
ROUNDS = (*KINDS, REWIND, *(f"{kind}-xavier" for kind in KINDS if kind != "none"))
"""Every kind of a round; with "-xavier" the scores are of weights that are drawn anew."""
Plan = tuple[tuple[int, str, int], ...]
"""Rounds in ascending order: iteration, kind of `ROUNDS`, batches to sum over."""


def coded(plan: Plan) -> NDArray[np.int64]:
    """A plan as int64 (R, 3), kinds by their place in `ROUNDS`.

    A method of one's own that is to run in a process of its own gives its plan like this.
    """
    rows = [(iteration, ROUNDS.index(kind), batches) for iteration, kind, batches in plan]
    return np.array(rows, np.int64).reshape(-1, 3)


Decision = Any
"""Bool (P,), the new mask; or None to go on with the one there is."""
