"""Active pre-training with successor features."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from leapbench.agents.common.state import under
from leapbench.agents.urlb.aps.features import Features
from leapbench.agents.urlb.aps.regression import Regressor
from leapbench.agents.urlb.common.agent import Skilled
from leapbench.agents.urlb.common.behaviour import Behaviour
from leapbench.agents.urlb.common.ddpg import DDPG
from leapbench.agents.urlb.common.entropy import ParticleEntropy
from leapbench.agents.urlb.common.practice import Objective
from leapbench.agents.urlb.common.replay import Sizes
from leapbench.agents.urlb.common.skills import Skills, SphereSkills

FEATURES = "features.net"
"""What the names of the saved features begin with."""


@dataclass(kw_only=True, eq=False)
class Aps(Skilled):
    """Seeks rare features in the direction of its skill (Liu & Abbeel, 2021).

    The critic has successor features.

    Args:
        warm: how a fine-tuning begins: "explore", "greedy", or "random" as published.
        choice: of the skill after the warm-up: "search", "constant", "random", or
            "regress" by least squares as published.
        skill: numbers of a skill, and of features.
        period: steps for which one is held; 5 as published.
        neighbours: k of the particle entropy.
    """

    choices = (*Skilled.choices, "regress")

    skill: int = 10
    period: int = 5
    neighbours: int = 12

    def __post_init__(self) -> None:
        """See `Intrinsic`."""
        super().__post_init__()
        self.model: Features | None = None

    @property
    def features(self) -> int:  # type: ignore[override]
        """Of the critic: as many as numbers of a skill."""
        return self.skill

    def prior(self) -> Skills:
        """A direction."""
        return SphereSkills(self.skill, self.period)

    def objective(self, sizes: Sizes, seed: int) -> Objective:
        """Entropy of features, and their match with the skill."""
        self.model = self._features(sizes, seed)
        return self.model

    def finetuner(self, ddpg: DDPG, seed: int) -> Behaviour:
        """See `Tuner.finetuner`."""
        if self.choice != "regress" or self.model is None:
            return super().finetuner(ddpg, seed)
        return Regressor(ddpg, self.skills, self.horizon, seed, self.warm, self.model)

    def extras(self) -> dict[str, Tensor]:
        """The features, which a regression looks at."""
        own = self.model.net.state_dict() if self.model else {}
        return {f"{FEATURES}.{name}": value.contiguous() for name, value in own.items()}

    def _restore(self, weights: dict[str, Tensor]) -> None:
        super()._restore(weights)
        own = under(FEATURES, weights)
        self.model = self._features(self.sizes, 0) if own else None
        if self.model:
            self.model.net.load_state_dict(own)

    def _features(self, sizes: Sizes, seed: int) -> Features:
        entropy = ParticleEntropy(self.neighbours, "mean", 1e-4)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return Features(sizes, self.backbone.hidden, self.backbone.rate, entropy)
