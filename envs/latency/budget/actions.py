"""From actions to the cells of a block that are kept."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from leapbench.envs.latency.budget.streams import Streams
from leapbench.envs.latency.budget.world import BudgetWorld
from leapbench.envs.refusals import binaries, whole, wholes
from leapbench.errors import UserError

Flags = NDArray[np.bool_]


class Actions:
    """Keep levels or masks, checked.

    Args:
        world: whose blocks are computed.
        masks: whether an action is a mask.

    Raises:
        UserError: for `masks` that is no truth value.
    """

    def __init__(self, world: BudgetWorld, masks: bool) -> None:
        if not isinstance(masks, bool | np.bool_):
            raise UserError(f"masks must be True or False, got {masks!r}.")
        self.masks, self.width, self.levels = masks, world.widest, len(world.levels)
        self.space: gym.Space[Any] = (
            gym.spaces.MultiBinary(self.width) if masks else gym.spaces.Discrete(self.levels)
        )

    def single(self, streams: Streams, action: Any) -> list[Flags]:
        """The mask of one stream.

        Raises:
            InvalidAction: for what is no action.
        """
        if self.masks:
            return [binaries(action, (self.width,))[: streams.cells(0)] > 0]
        return [streams.ranked(0, whole(action, self.levels))]

    def several(self, streams: Streams, actions: Any) -> list[Flags]:
        """The masks of all streams.

        Raises:
            InvalidAction: for what are no actions.
        """
        count = range(streams.size)
        if self.masks:
            given = binaries(actions, (streams.size, self.width)) > 0
            return [given[i, : streams.cells(i)] for i in count]
        chosen = wholes(actions, streams.size, self.levels).tolist()
        return [streams.ranked(i, chosen[i]) for i in count]
