"""Active pre-training with successor features."""

from __future__ import annotations

import torch
from torch import Tensor

from leapbench.agents.urlb.aps.features import Features
from leapbench.agents.urlb.aps.regression import Regressor
from leapbench.agents.urlb.common.behaviour import Tuner
from leapbench.agents.urlb.common.ddpg import DDPG, Backbone
from leapbench.agents.urlb.common.entropy import ParticleEntropy
from leapbench.agents.urlb.common.loop import Objective
from leapbench.agents.urlb.common.policy import Intrinsic
from leapbench.agents.urlb.common.replay import Sizes
from leapbench.agents.urlb.common.skills import Sphere

FEATURES = "features."
"""What the names of the saved features begin with."""


class Aps(Intrinsic):
    """Seeks rare features in the direction that its skill asks for (Liu & Abbeel, 2021).

    The critic has successor features.

    Args:
        hidden: see `Diayn`, as for the next eight.
        batch: transitions of an update.
        rate: learning rate.
        every: steps for one update.
        warmup: steps before the first update of a phase.
        order: of the updates of actor and critic.
        warm: see `Tuner`; "random" as published.
        choice: see `Tuner`; "regress" as published, see `Regressor`.
        skill: numbers of a skill, and of features.
        period: steps for which one is held; 5 as published.
        neighbours: k of the particle entropy.
    """

    choices = (*Intrinsic.choices, "regress")

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
        skill: int = 10,
        period: int = 5,
        neighbours: int = 12,
    ) -> None:
        backbone = Backbone(hidden, batch, rate, every, warmup, order)
        super().__init__(backbone, Sphere(skill, period), warm, choice, features=skill)
        self.neighbours = neighbours
        self.model: Features | None = None

    def objective(self, sizes: Sizes, seed: int) -> Objective:
        """Entropy of features, and their match with the skill."""
        self.model = self._features(sizes, seed)
        return self.model

    def tuner(self, learner: DDPG, seed: int) -> Tuner:
        """See `Intrinsic.tuner`."""
        if self.choice != "regress" or self.model is None:
            return super().tuner(learner, seed)
        return Regressor(learner, self.skills, self.horizon, seed, self.warm, self.model)

    def extras(self) -> dict[str, Tensor]:
        """The features, which a regression looks at."""
        own = self.model.state_dict() if self.model else {}
        return {f"{FEATURES}{name}": value.contiguous() for name, value in own.items()}

    def _restore(self, weights: dict[str, Tensor]) -> None:
        super()._restore(weights)
        own = {k.removeprefix(FEATURES): v for k, v in weights.items() if k.startswith(FEATURES)}
        self.model = self._features(self.sizes, 0) if own else None
        if self.model:
            self.model.load_state_dict(own)

    def _features(self, sizes: Sizes, seed: int) -> Features:
        entropy = ParticleEntropy(self.neighbours, "mean", 1e-4)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return Features(sizes, self.backbone.hidden, self.backbone.rate, entropy)
