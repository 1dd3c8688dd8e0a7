"""Contrastive intrinsic control: seek surprise in a representation that tells skills apart."""

from __future__ import annotations

import torch

from leapbench.agents.urlb.cic.contrast import Contrast, Surprise
from leapbench.agents.urlb.common.ddpg import Backbone, one_of
from leapbench.agents.urlb.common.entropy import ParticleEntropy
from leapbench.agents.urlb.common.loop import Objective
from leapbench.agents.urlb.common.policy import Intrinsic
from leapbench.agents.urlb.common.replay import Sizes
from leapbench.agents.urlb.common.skills import Skills, Uniform
from leapbench.errors import UserError

CLIP = 5e-4
"""What is taken off normalised distances."""


class Cic(Intrinsic):
    """Seeks surprise under many skills (Laskin et al., 2022).

    Args:
        hidden: see `Backbone`, as for the next five.
        batch: transitions of an update.
        rate: learning rate.
        every: steps for one update.
        warmup: steps before the first update of a phase.
        order: of the updates of actor and critic.
        warm: see `Tuner`; "random" as published.
        choice: see `Tuner`; "constant" as published.
        skill: numbers of a skill; 64 as published.
        period: steps for which one is held.
        neighbours: k of the particle entropy; 16 as published.
        temperature: of the contrast.
        pair: see `Surprise`, as for `first`.
        normaliser: see `ParticleEntropy`.
        first: whether the representation or the reward comes first.
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
        choice: str = "search",
        skill: int = 16,
        period: int = 50,
        neighbours: int = 8,
        temperature: float = 0.5,
        pair: str = "next",
        normaliser: str = "variance",
        first: str = "learn",
    ) -> None:
        self._configure(
            Uniform(skill, period),
            Backbone(hidden, batch, rate, every, warmup, order),
            (warm, choice),
            (neighbours, temperature, pair, normaliser, first),
        )

    def _configure(
        self,
        skills: Skills,
        backbone: Backbone,
        tuning: tuple[str, str],
        surprise: tuple[int, float, str, str, str],
    ) -> None:
        """Keep validated settings; `surprise` is the constructor's last five."""
        super().__init__(backbone, skills, *tuning)
        neighbours, temperature, pair, normaliser, first = surprise
        one_of("pair", pair, ("next", "step"))
        one_of("first", first, ("learn", "reward"))
        if skills.size < 1 or neighbours < 1 or not temperature > 0:
            raise UserError(
                "skill and neighbours must be 1 or more and temperature above 0, "
                f"got {skills.size}, {neighbours} and {temperature}."
            )
        ParticleEntropy(neighbours, normaliser, CLIP)
        self.neighbours, self.temperature = neighbours, temperature
        self.pair, self.normaliser, self.first = pair, normaliser, first

    def objective(self, sizes: Sizes, seed: int) -> Objective:
        """Surprise in a contrastive representation."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            contrast = Contrast(sizes, self.backbone.hidden, self.temperature)
        entropy = ParticleEntropy(self.neighbours, self.normaliser, CLIP)
        return Surprise(contrast, self.backbone.rate, entropy, self.pair, self.first)
