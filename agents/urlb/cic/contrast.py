"""The contrastive representation in which surprise is measured (CIC, Laskin et al., 2022)."""

from __future__ import annotations

from math import exp

import torch
from torch import Tensor, nn
from torch.nn import functional

from leapbench.agents.urlb.common.descent import Descent
from leapbench.agents.urlb.common.entropy import ParticleEntropy
from leapbench.agents.urlb.common.networks import mlp
from leapbench.agents.urlb.common.replay import Batch, Sizes

SMALL = 1e-6


class Contrast(nn.Module):
    """g_s, g_tau and g_z: encoders of states, transitions and skills.

    All have two hidden layers and give as many numbers as a skill has; g_s serves both
    states of a transition.

    Args:
        sizes: of observations and skills.
        hidden: units of each hidden layer.
        temperature: T of the contrast.
    """

    def __init__(self, sizes: Sizes, hidden: int, temperature: float) -> None:
        super().__init__()
        self.temperature, skill = temperature, sizes.skill
        self.state = mlp(sizes.observation, hidden, hidden, skill)
        self.transition = mlp(2 * skill, hidden, hidden, skill)
        self.skill = mlp(skill, hidden, hidden, skill)

    def loss(self, source: Tensor, target: Tensor, skill: Tensor) -> Tensor:
        """Mean noise-contrastive loss of transitions, from both states' representations.

        Args:
            source: g_s of where they begin, (B, s).
            target: g_s of where they end, (B, s).
            skill: the skills behind them, (B, s).
        """
        key = self.transition(torch.cat([source, target], dim=1))
        return contrast(self.skill(skill), key, self.temperature)


def contrast(query: Tensor, key: Tensor, temperature: float) -> Tensor:
    """Mean of -q_i k_i / T + log(max(sum_j exp(q_i k_j / T) - e^(1/T), 1e-6) + 1e-6).

    Rows of query and key, (B, s) each, are scaled to length 1. What is taken off is the
    largest value that the positive term can have, not its own.
    """
    q, k = functional.normalize(query, dim=1), functional.normalize(key, dim=1)
    logits = (q @ k.T) / temperature
    others = (logits.exp().sum(dim=1) - exp(1 / temperature)).clamp(min=SMALL) + SMALL
    return (others.log() - logits.diagonal()).mean()


class Surprise(nn.Module):
    """Learns the representation, and rewards distance in it; minus that in mode 1.

    Args:
        contrast: the encoders.
        rate: learning rate.
        entropy: of distances between representations.
        pair: "next": among the states where transitions end (CIC); "step": from where
            they begin to where all end (MOSS).
        first: "learn": rewards follow the batch's own step (CIC); "reward": they are
            given before it (MOSS).
    """

    def __init__(
        self, contrast: Contrast, rate: float, entropy: ParticleEntropy, pair: str, first: str
    ) -> None:
        super().__init__()
        self.contrast, self.entropy = contrast, entropy
        self.pair, self.first = pair, first
        self._descent = Descent(contrast, rate)

    def forward(self, batch: Batch) -> Tensor:
        """One step on the batch, and its rewards (B,)."""
        states = torch.cat([batch.observation, batch.next])
        source, target = self.contrast.state(states).chunk(2)
        self._descent(self.contrast.loss(source, target, batch.skill))
        if self.first == "learn":
            with torch.no_grad():
                target = self.contrast.state(batch.next)
                source = target if self.pair == "next" else self.contrast.state(batch.observation)
        return self.reward(source, target, batch.mode)

    def reward(self, source: Tensor, target: Tensor, mode: Tensor) -> Tensor:
        """Particle entropy (B,) of representations (B, s), negative where mode (B,) is 1."""
        near = target if self.pair == "next" else source
        entropy: Tensor = self.entropy(near.detach(), target.detach())
        return entropy * (1 - 2 * mode)
