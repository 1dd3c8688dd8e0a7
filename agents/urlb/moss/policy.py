"""A mixture of surprises: seek it in one part of an episode, avoid it in the other."""

from __future__ import annotations

from dataclasses import dataclass

from leapbench.agents.urlb.cic.policy import Cic
from leapbench.agents.urlb.common.skills import Mixture, Skills


@dataclass(kw_only=True, eq=False)
class Moss(Cic):
    """CIC whose skills tell when to seek surprise and when to avoid it (Zhao et al., 2022).

    Args:
        warm: how a fine-tuning begins: "explore", "random", or "greedy" as published.
        partitions: an episode is cut into intervals of its length over this; 2 in the paper
            (table 3), 1.5 in the command of the released README; of no use to one mode.
        modes: "both", "max" to seek surprise all the time, or "min" to avoid it.
        normaliser: of distances: "centred" as released, "none" as the paper prints the reward.
        place: what of the skill tells the mode: "half", "same", "discrete", or "sign" as published.
    """

    order: str = "actor-first"
    pair: str = "step"
    normaliser: str = "centred"
    first: str = "reward"
    partitions: float = 2.0
    modes: str = "both"
    place: str = "sign"

    def prior(self) -> Skills:
        """Skills of two modes, one part of an episode after the other."""
        return Mixture(self.skill, self.period, self.partitions, self.modes, self.place)
