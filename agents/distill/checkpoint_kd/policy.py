"""Checkpoint selection by mutual information (arXiv 2210.06458, section 3 and algorithm 1)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from leapbench.agents.distill.common.look import Look
from leapbench.agents.distill.common.selector import Selector
from leapbench.agents.distill.selectors.rules import latest, unit
from leapbench.envs.distill.observation import Slot
from leapbench.errors import unknown

TASKS = ("accuracy", "probe")


class CheckpointKD(Selector):
    """Grow one teacher, probe its checkpoints, learn from argmax of I(X; F) + I(Y; F).

    I(X; F) is minus the error of a decoder that gives the input back from the features;
    I(Y; F) is the checkpoint's accuracy (the paper takes test accuracy, this validation) or
    minus the error of a linear probe. Both are scaled to [0, 1] over the probed checkpoints
    and added. Where one falls and the other rises steadily, both ends score 1 and the choice
    lies between them by construction.

    Args:
        task: what stands for I(Y; F), "accuracy" as printed, or "probe".
        tau: as of `Selector`.
        alpha: as of `Selector`.
        tuned: as of `Selector`.

    Raises:
        UserError: for another `task`.
    """

    def __init__(
        self, task: str = "accuracy", tau: float = 4.0, alpha: float = 0.5, tuned: bool = False
    ) -> None:
        if task not in TASKS:
            raise unknown("estimate of I(Y; F)", task, TASKS)
        self.task = task
        super().__init__(tau, alpha, tuned)

    def growth(self, look: Look) -> Sequence[int]:
        """A whole teacher: the rule compares the checkpoints of its whole training."""
        return (look.checkpoints,)

    def probes(self, look: Look) -> tuple[int, ...]:
        """Every owned checkpoint, every second one first so that a short budget still spreads."""
        slots = np.flatnonzero(look.owned & (look.slots[:, Slot.RESTORED] < 0)).tolist()
        return tuple(sorted(slots, key=lambda slot: (slot % 2 == 0, -slot)))

    def pick(self, look: Look) -> dict[int, float]:
        """The probed checkpoint of the most; the last one where nothing could be probed."""
        probed = look.slots[:, Slot.RESTORED] >= 0
        if not probed.any():
            slot = look.of(0, 1.0)
            return {slot: 1.0} if slot >= 0 else {}
        scores = np.full(len(probed), -np.inf)
        scores[probed] = self.information(look.slots[probed])
        return {latest(look, scores[look.owned]): 1.0}

    def information(self, slots: NDArray[np.float32]) -> NDArray[np.float32]:
        """Normalised I(X; F) + I(Y; F) of probed checkpoints, (N,), from rows (N, columns)."""
        told = slots[:, Slot.ACCURACY] if self.task == "accuracy" else -slots[:, Slot.TOLD]
        return unit(-slots[:, Slot.RESTORED]) + unit(told)
