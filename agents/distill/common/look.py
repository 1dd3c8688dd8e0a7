"""An observation by its names, as rules read it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.distill.observation import Head, Slot, parts

ROUNDING = 1e-5
"""Prices are shown as float32 shares of the budget."""


@dataclass(frozen=True)
class Look:
    """What one episode shows.

    Attributes:
        row: the observation.
        trajectories: how many there are.
        blocks: of a whole student.
    """

    row: NDArray[np.float32]
    trajectories: int
    blocks: int

    @cached_property
    def head(self) -> NDArray[np.float32]:
        """Columns by `Head`."""
        return parts(self.row)[0]

    @cached_property
    def slots(self) -> NDArray[np.float32]:
        """(K, columns by `Slot`)."""
        return parts(self.row)[1]

    @property
    def checkpoints(self) -> int:
        """Of each trajectory."""
        return len(self.slots) // self.trajectories

    @cached_property
    def owned(self) -> NDArray[np.bool_]:
        """Which slots are owned, bool (K,)."""
        return np.asarray(self.slots[:, Slot.OWNED] > 0)

    def reached(self, trajectory: int) -> int:
        """Checkpoints owned of a trajectory."""
        m = self.checkpoints
        return int(self.owned[trajectory * m : (trajectory + 1) * m].sum())

    @property
    def blocks_left(self) -> int:
        """Blocks that the student may still have."""
        return self.blocks - round(float(self.head[Head.DONE]) * self.blocks)

    def affords(self, extensions: int = 0, probes: int = 0, teachers: int = 0) -> bool:
        """Whether these can be paid beside the rest of the student's blocks.

        Args:
            extensions: checkpoints to buy.
            probes: checkpoints to probe.
            teachers: checkpoints whose answers are to be asked for.
        """
        head = self.head
        price = extensions * head[Head.EXTEND] + probes * head[Head.PROBE]
        price += teachers * head[Head.QUERY] + self.blocks_left * head[Head.BLOCK]
        return bool(price <= head[Head.LEFT] + ROUNDING)

    def of(self, trajectory: int, share: float) -> int:
        """Slot of the last owned checkpoint of a trajectory up to a share of its epochs; -1."""
        wanted = max(1, round(share * self.checkpoints))
        got = min(wanted, self.reached(trajectory))
        return trajectory * self.checkpoints + got - 1 if got else -1

    def column(self, column: int) -> NDArray[np.float32]:
        """A column of the owned slots, in the order of `np.flatnonzero(owned)`."""
        return np.asarray(self.slots[self.owned, column])
