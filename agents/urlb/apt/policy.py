"""Particle entropy of states, or of an encoding that curiosity learns (APT)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from leapbench.agents.urlb.common.agent import Plain
from leapbench.agents.urlb.common.entropy import ParticleEntropy
from leapbench.agents.urlb.common.networks import trunk
from leapbench.agents.urlb.common.practice import Objective
from leapbench.agents.urlb.common.replay import Batch, Sizes
from leapbench.agents.urlb.icm.policy import Curiosity

NEIGHBOURS = 12
WIDTH = 512
"""Numbers of an encoding."""


class IcmApt(Plain):
    """Seeks states far from others in ICM's encoding; see `Plain` for the settings."""

    def objective(self, sizes: Sizes, seed: int) -> Objective:
        """Entropy of encodings, without a normaliser or a clip, as in URLB."""
        hidden, rate = self.backbone.hidden, self.backbone.rate
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            encoder = trunk(sizes.observation, WIDTH)
            model = Curiosity(encoder, WIDTH, sizes.action, hidden, rate)
        return Encoded(model, ParticleEntropy(NEIGHBOURS, "none", 0.0))


class IndApt(Plain):
    """Seeks observations far from others; see `Plain` for the settings."""

    def objective(self, sizes: Sizes, seed: int) -> Objective:
        """Entropy of observations; nothing is learned."""
        return EntropyOfStates(ParticleEntropy(NEIGHBOURS, "mean", 1e-4))


class Encoded(nn.Module):
    """Rewards entropy in the encoding of a model, which learns first.

    Args:
        model: learns and encodes.
        entropy: of encodings.
    """

    def __init__(self, model: Curiosity, entropy: ParticleEntropy) -> None:
        super().__init__()
        self.model, self.entropy = model, entropy

    def forward(self, batch: Batch) -> Tensor:
        """One step on the batch, and its rewards (B,)."""
        self.model.learn(batch)
        with torch.no_grad():
            encoded = self.model.encoder(batch.observation)
        rewards: Tensor = self.entropy(encoded, encoded)
        return rewards


class EntropyOfStates(nn.Module):
    """Rewards entropy of observations as they are.

    Args:
        entropy: of observations.
    """

    def __init__(self, entropy: ParticleEntropy) -> None:
        super().__init__()
        self.entropy = entropy

    def forward(self, batch: Batch) -> Tensor:
        """Rewards (B,) of the batch."""
        rewards: Tensor = self.entropy(batch.observation, batch.observation)
        return rewards
