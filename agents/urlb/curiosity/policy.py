"""RND, ICM and Disagreement on the shared backbone."""

from __future__ import annotations

import torch
from torch import nn

from leapbench.agents.urlb.common.loop import Objective
from leapbench.agents.urlb.common.plain import Plain
from leapbench.agents.urlb.common.replay import Sizes
from leapbench.agents.urlb.curiosity.models import Curiosity, Distillation, Ensemble

OUTPUTS = 512
"""Numbers that RND predicts."""


class Rnd(Plain):
    """Seeks states where a random network is badly predicted; see `Plain` for the settings."""

    def objective(self, sizes: Sizes, seed: int) -> Objective:
        """Error of a distilled random network."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return Distillation(sizes, self.backbone.hidden, OUTPUTS, self.backbone.rate)


class Icm(Plain):
    """Seeks steps whose outcome is badly predicted; see `Plain` for the settings."""

    def objective(self, sizes: Sizes, seed: int) -> Objective:
        """Error of a forward model of observations."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            hidden, rate = self.backbone.hidden, self.backbone.rate
            return Curiosity(nn.Identity(), sizes.observation, sizes.action, hidden, rate)


class Disagreement(Plain):
    """Seeks steps on whose outcome five models differ; see `Plain` for the settings."""

    def objective(self, sizes: Sizes, seed: int) -> Objective:
        """Variance over an ensemble of forward models."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return Ensemble(sizes, self.backbone.hidden, self.backbone.rate)
