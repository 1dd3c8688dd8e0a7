"""What an agent of the worlds sees: one flat row of numbers about groups of layers and tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.sparsify.facts import Facts
from leapbench.envs.sparsify.masks import Bools, overlap, top

BOUND = 10.0
"""Numbers are clipped to this."""
BEST = 0.01
"""Share of a task's own weights that counts as its growth mass."""


class Encoder:
    """Turns gradients and masks into an observation.

    With G groups, S of them shared, T tasks and Q = T (T - 1) / 2 pairs of tasks:

    | entries | meaning                                                                     |
    |---------|-----------------------------------------------------------------------------|
    | 4       | iterations made, multiply-adds left, weights kept over budget, steps taken  |
    | G       | density of each group                                                       |
    | G T     | share of each task's best 1 % of gradients that lies in the group           |
    | S Q     | overlap (intersection over union) of two tasks' best 1 % in a shared group  |
    | S Q     | cosine of two tasks' gradients in a shared group                            |
    | T       | gain of each task on validation pictures over the reference, as a share     |
    | T       | its loss in the last update                                                 |
    | T       | weight of its loss, over the sum                                            |
    | extra   | what a world adds                                                           |

    Args:
        facts: of the network.
        extra: further numbers.

    Attributes:
        groups: names of the groups, in the order of the network.
        names: of all entries.
    """

    def __init__(self, facts: Facts, extra: Sequence[str] = ()) -> None:
        self.groups = tuple(dict.fromkeys(facts.groups))
        self.tasks = facts.tasks
        layer_groups = [self.groups.index(each) for each in facts.groups]
        self.group = np.repeat(layer_groups, facts.sizes)
        self.sizes = np.bincount(self.group, minlength=len(self.groups))
        owners = dict(zip(facts.groups, facts.owners, strict=True))
        self.shared = [i for i, name in enumerate(self.groups) if owners[name] == -1]
        self.pairs = list(combinations(range(len(self.tasks)), 2))
        self.lambdas = np.array(facts.lambdas) / sum(facts.lambdas)
        self.names = tuple(self._names(extra))

    def _names(self, extra: Sequence[str]) -> list[str]:
        tasks, pairs = self.tasks, [f"{self.tasks[a]}-{self.tasks[b]}" for a, b in self.pairs]
        shared = [self.groups[i] for i in self.shared]
        return [
            *("iterations", "compute-left", "kept", "steps"),
            *(f"density/{group}" for group in self.groups),
            *(f"growth/{group}/{task}" for group in self.groups for task in tasks),
            *(f"overlap/{group}/{pair}" for group in shared for pair in pairs),
            *(f"cosine/{group}/{pair}" for group in shared for pair in pairs),
            *(f"{kind}/{task}" for kind in ("gain", "loss", "lambda") for task in tasks),
            *extra,
        ]

    def density(self, mask: Bools) -> NDArray[Any]:
        """Share of each group's weights that is kept, (G,)."""
        return np.bincount(self.group, mask, len(self.groups)) / self.sizes

    def growth(self, signed: NDArray[Any], own: Bools) -> NDArray[np.float64]:
        """Growth mass, overlaps and cosines from gradients (T, P), (G T + 2 S Q,)."""
        best = [
            top(np.abs(g), max(1, int(BEST * o.sum())), o) for g, o in zip(signed, own, strict=True)
        ]
        mass = [np.bincount(self.group, each, len(self.groups)) for each in best]
        share = np.stack(mass, 1) / np.maximum(np.sum(mass, 1), 1)
        overlaps, cosines = [], []
        for index in self.shared:
            where = self.group == index
            for a, b in self.pairs:
                overlaps.append(overlap(np.stack([best[a][where], best[b][where]])))
                x, y = signed[a][where].astype(float), signed[b][where].astype(float)
                cosines.append(float(x @ y / max(np.sqrt((x @ x) * (y @ y)), 1e-30)))
        return np.concatenate([share.ravel(), overlaps, cosines])

    @property
    def blind(self) -> NDArray[np.float64]:
        """What stands in the place of `growth` where no pass can be paid: zeros."""
        count = len(self.groups) * len(self.tasks) + 2 * len(self.shared) * len(self.pairs)
        return np.zeros(count)

    def row(
        self,
        state: Sequence[float],
        mask: Bools,
        growth: NDArray[np.float64],
        gains: Mapping[str, float],
        loss: Sequence[float],
        extra: Sequence[float] = (),
    ) -> NDArray[np.float32]:
        """The observation, float32, clipped to `BOUND`; what is not known is 0."""
        parts = [
            state,
            self.density(mask),
            growth,
            [gains[task] for task in self.tasks],
            loss,
            self.lambdas,
            extra,
        ]
        found = np.nan_to_num(np.concatenate([np.asarray(each, float) for each in parts]))
        return np.asarray(np.clip(found, -BOUND, BOUND), np.float32)
