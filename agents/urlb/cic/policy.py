"""Contrastive intrinsic control: seek surprise in a representation that tells skills apart."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from leapbench.agents.urlb.cic.contrast import Contrast, Surprise
from leapbench.agents.urlb.common.agent import Skilled
from leapbench.agents.urlb.common.ddpg import one_of
from leapbench.agents.urlb.common.entropy import ParticleEntropy
from leapbench.agents.urlb.common.practice import Objective
from leapbench.agents.urlb.common.replay import Sizes
from leapbench.agents.urlb.common.skills import AVOID, Skills, Uniform
from leapbench.errors import UserError

CLIP = 5e-4
"""What is taken off normalised distances; nothing is taken off others."""


@dataclass(kw_only=True, eq=False)
class Cic(Skilled):
    """Seeks surprise under many skills (Laskin et al., 2022).

    Args:
        warm: how a fine-tuning begins: "explore", "greedy", or "random" as published.
        choice: of its skill: "search", "random", or "constant" as published.
        skill: numbers of a skill; 64 as published.
        period: steps for which one is held.
        neighbours: k of the particle entropy; 16 as published.
        temperature: of the contrast.
        pair: distances are among the "next" states, or from those before a "step" to these.
        normaliser: of distances: "centred", "variance", "mean" or "none".
        first: what comes first, to "learn" the representation or to give the "reward".
    """

    skill: int = 16
    period: int = 50
    neighbours: int = 8
    temperature: float = 0.5
    pair: str = "next"
    normaliser: str = "variance"
    first: str = "learn"

    def __post_init__(self) -> None:
        """See `Intrinsic`."""
        super().__post_init__()
        one_of("pair", self.pair, ("next", "step"))
        one_of("first", self.first, ("learn", "reward"))
        if self.skill < 1 or self.neighbours < 1 or not self.temperature > 0:
            raise UserError(
                "skill and neighbours must be 1 or more and temperature above 0, "
                f"got {self.skill}, {self.neighbours} and {self.temperature}."
            )
        self.entropy()

    def prior(self) -> Skills:
        """A point of the box [0, 1]^skill."""
        return Uniform(self.skill, self.period)

    def objective(self, sizes: Sizes, seed: int) -> Objective:
        """Surprise in a contrastive representation."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            contrast = Contrast(sizes, self.backbone.hidden, self.temperature)
        return Surprise(contrast, self.backbone.rate, self.entropy(), self.pair, self.first)

    def entropy(self) -> ParticleEntropy:
        """Its size is the reward's: log(1 + mean_k d_k), of distances as the settings say."""
        clip = 0.0 if self.normaliser == "none" else CLIP
        return ParticleEntropy(self.neighbours, self.normaliser, clip)


@dataclass(kw_only=True, eq=False)
class NegativeCic(Cic):
    """CIC that avoids surprise: the reward of every step is minus CIC's (MOSS, NegativeCIC)."""

    def prior(self) -> Skills:
        """CIC's skills, all of them for avoiding."""
        return Uniform(self.skill, self.period, AVOID)
