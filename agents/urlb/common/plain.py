"""Agents without skills."""

from __future__ import annotations

from leapbench.agents.urlb.common.ddpg import Backbone
from leapbench.agents.urlb.common.policy import Intrinsic
from leapbench.agents.urlb.common.skills import NoSkills


class Plain(Intrinsic):
    """One policy, whose reward without reward the subclasses give.

    Args:
        hidden: see `Backbone`, as for the next five.
        batch: transitions of an update.
        rate: learning rate.
        every: steps for one update.
        warmup: steps before the first update of a phase.
        order: of the updates of actor and critic.
        warm: how a fine-tuning begins, see `Tuner`; "random" as published.
    """

    def __init__(
        self,
        hidden: int = 128,
        batch: int = 256,
        rate: float = 3e-4,
        every: int = 2,
        warmup: int = 1000,
        order: str = "critic-first",
        warm: str = "explore",
    ) -> None:
        backbone = Backbone(hidden, batch, rate, every, warmup, order)
        super().__init__(backbone, NoSkills(), warm, "constant")
