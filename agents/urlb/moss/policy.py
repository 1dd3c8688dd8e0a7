"""A mixture of surprises: seek it in one part of an episode, avoid it in the other."""

from __future__ import annotations

from leapbench.agents.urlb.cic.policy import Cic
from leapbench.agents.urlb.common.ddpg import Backbone
from leapbench.agents.urlb.common.skills import Mixture


class Moss(Cic):
    """Seeks surprise in one part of an episode and avoids it in the other (Zhao et al., 2022).

    Args:
        hidden: see `Cic`, as for the next fourteen.
        batch: transitions of an update.
        rate: learning rate.
        every: steps for one update.
        warmup: steps before the first update of a phase.
        order: of the updates of actor and critic.
        warm: see `Tuner`; "greedy" as published.
        choice: see `Tuner`; "constant" as published.
        skill: numbers of a skill.
        period: steps for which one is held.
        neighbours: k of the particle entropy.
        temperature: of the contrast.
        pair: see `Surprise`, as for `first`.
        normaliser: see `ParticleEntropy`.
        first: whether the representation or the reward comes first.
        partitions: see `Mixture`, as for the rest; 1.5 as published.
        modes: "both", "max" or "min".
        place: what of the skill tells the mode; "sign" as published.
    """

    def __init__(
        self,
        hidden: int = 128,
        batch: int = 256,
        rate: float = 3e-4,
        every: int = 2,
        warmup: int = 1000,
        order: str = "actor-first",
        warm: str = "explore",
        choice: str = "search",
        skill: int = 16,
        period: int = 50,
        neighbours: int = 8,
        temperature: float = 0.5,
        pair: str = "step",
        normaliser: str = "centred",
        first: str = "reward",
        partitions: float = 1.5,
        modes: str = "both",
        place: str = "sign",
    ) -> None:
        self._configure(
            Mixture(skill, period, partitions, modes, place),
            Backbone(hidden, batch, rate, every, warmup, order),
            (warm, choice),
            (neighbours, temperature, pair, normaliser, first),
        )
