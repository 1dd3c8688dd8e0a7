"""Pruning before training as a game: layer after layer, how much stays and who says what."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.sparsify import masks
from leapbench.envs.sparsify.base import SparsifyEnv
from leapbench.envs.sparsify.facts import Facts

SHARES = {"quarter": 0.25, "half": 0.5, "even": 1.0, "double": 2.0, "quadruple": 4.0}
"""Factors of a layer's Erdős–Rényi-Kernel share of what is left of the budget."""
JUDGES = ("union", "joint", "normalised", "random")
BATCHES = 4
"""Batches that the saliency is summed over."""


class StaticEnv(SparsifyEnv):
    """Decide layer after layer, before any training, how many weights stay and who chooses them.

    ## Description

    As in `leapbench/Sparsify-Dynamic-v0`, but the mask is fixed before the first update, as in
    SNIP and the static setting of DiSparse. Layers are visited from the picture to the
    predictions. After the last one the network is trained under the mask.

    ## Action Space

    `Discrete(20)` with the names in `env.moves`: a share, "quarter", "half", "even", "double"
    or "quadruple" of what Erdős–Rényi-Kernel would give the layer out of the rest of the
    budget, and a judge: "union" of the tasks' choices, "joint" (|w dL/dw| of the summed loss,
    as SNIP), the sum of "normalised" scores, or "random". With `actions="box"`,
    `Box(-1, 1, (5,))`: the logarithm of the share's factor, -1 a quarter and 1 four times, and
    a weight for each judge, of which the largest counts.

    A layer never gets more than the budget's rest, nor so little that the layers behind it
    could not take the rest.

    ## Observation Space

    As in the dynamic world, and behind it about the layer that is next: its place, its share
    of all weights, its Erdős–Rényi-Kernel density, the rest of the budget over the rest of the
    weights, and the share of its weights that each task would keep.

    ## Rewards

    0, and after the last layer the mean relative gain over a reference on validation pictures,
    counted from what a constant prediction reaches.

    ## Starting State

    Random weights; saliency of four batches, at its cost. The seed fixes them.

    ## Episode End

    Terminated after the last layer.

    ## Arguments

    See `leapbench.envs.sparsify.base.SparsifyEnv`; `rounds` is the number of layers, and given
    as None.

    ## Version History

    * v0: first version.
    """

    def __init__(self, rounds: int | None = None, iterations: int = 240, **arguments: Any) -> None:
        super().__init__(1 if rounds is None else rounds, iterations, **arguments)
        self.rounds = len(self.facts.names)

    def _rules(self, rounds: int, iterations: int) -> dict[str, Any]:
        return {"dense_until": 1.0}

    def _moves(self, facts: Facts) -> tuple[str, ...]:
        return tuple(f"{share}-{judge}" for share in SHARES for judge in JUDGES)

    def _numbers(self) -> int:
        return 1 + len(JUDGES)

    def _begin(self) -> None:
        each = self._score("saliency-xavier", BATCHES)
        joint = self._score("joint-saliency-xavier", BATCHES)
        if each is None or joint is None:  # chance has to do
            each = np.asarray(self.rng.random(self._own.shape), np.float32)
            joint = each[:1]
        self.saliency, self.joint = each, joint
        self.wanted = masks.task_masks(self.saliency, self._own, 1 - self.job.sparsity)
        self.even = masks.erk(self.facts.shapes, self.facts.budget)
        self.left = self.facts.budget
        self.chosen = np.zeros(len(self.training.mask), bool)

    def _due(self) -> int:
        return self.job.iterations if self.steps == self.rounds else 0

    def _move(self, move: str) -> None:
        share, _, judge = move.partition("-")
        self._visit(SHARES[share], judge)

    def _tune(self, action: NDArray[np.float64]) -> None:
        self._visit(4.0 ** float(action[0]), JUDGES[int(action[1:].argmax())])

    def _visit(self, factor: float, judge: str) -> None:
        """Fix the mask of the next layer, and after the last one the network's."""
        index, sizes = self.steps, self.facts.sizes
        part = self.facts.slices[index]
        wanted = factor * self.even[index] * self.left / max(1, sum(self.even[index:]))
        least = max(0, self.left - sum(sizes[index + 1 :]))
        count = int(min(max(round(wanted), least), sizes[index], self.left))
        self.chosen[part] = self._judged(judge, part, count)
        self.left -= int(self.chosen[part].sum())
        if index + 1 == self.rounds:
            self._decide(self.chosen)

    def _judged(self, judge: str, part: slice, count: int) -> masks.Bools:
        own, every = self._own[:, part], np.ones((1, part.stop - part.start), bool)
        if judge == "random":
            return masks.total(np.asarray(self.rng.random(every.shape)), every, count)
        if judge == "joint":
            kept = masks.total(self.joint[:, part], every, count)
        else:
            kept = masks.RULES[judge](self.saliency[:, part], own, count)
        rest = np.where(kept, 0, self.rng.random(len(kept)))  # where too few weights have a score
        return kept | masks.top(rest, count - int(kept.sum()))

    def _signed(self) -> NDArray[np.float32] | None:
        """The gradients do not change before training begins, and are paid once."""
        if self.steps == 0:
            self._kept_signed = super()._signed()
        return self._kept_signed

    def _extra(self) -> tuple[str, ...]:
        wants = (f"wanted/{task}" for task in self.facts.tasks)
        return ("place", "size", "even", "rest", *wants)

    def _here(self) -> list[float]:
        if self.steps == self.rounds:
            return [1.0, 0.0, 0.0, 0.0] + [0.0] * len(self.facts.tasks)
        sizes, part = self.facts.sizes, self.facts.slices[self.steps]
        return [
            self.steps / self.rounds,
            sizes[self.steps] / sum(sizes),
            self.even[self.steps] / sizes[self.steps],
            self.left / sum(sizes[self.steps :]),
            *self.wanted[:, part].mean(1),
        ]

    @property
    def drawn(self) -> masks.Bools:
        """What is kept so far, (P,); layers that come later count as empty."""
        return self.chosen
