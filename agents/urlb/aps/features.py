"""Features of states in whose direction a skill can point."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from leapbench.agents.urlb.common.descent import Descent
from leapbench.agents.urlb.common.entropy import ParticleEntropy
from leapbench.agents.urlb.common.networks import mlp
from leapbench.agents.urlb.common.replay import Batch, Sizes


class Features(nn.Module):
    """Features in whose direction a skill points, and their entropy (APS, Liu & Abbeel, 2021).

    Reward: particle entropy of phi(s') + z . phi(s') / |phi(s')|.

    Args:
        sizes: of observations and skills; there are as many features as numbers of a skill.
        hidden: units of both hidden layers.
        rate: learning rate.
        entropy: of the features.
    """

    def __init__(self, sizes: Sizes, hidden: int, rate: float, entropy: ParticleEntropy) -> None:
        super().__init__()
        self.net = mlp(sizes.observation, hidden, hidden, sizes.skill)
        self.entropy = entropy
        self._descent = Descent(self, rate)

    def match(self, features: Tensor, skill: Tensor) -> Tensor:
        """Inner product (B,) of a skill and the direction of features, (B, s) each."""
        return (functional.normalize(features, dim=1) * skill).sum(dim=1)

    def forward(self, batch: Batch) -> Tensor:
        """One step on the batch, and its rewards (B,)."""
        self._descent(-self.match(self.net(batch.next), batch.skill).mean())
        with torch.no_grad():
            features = self.net(batch.next)
            entropy: Tensor = self.entropy(features, features)
            return entropy + self.match(features, batch.skill)
