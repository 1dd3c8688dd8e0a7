"""State marginal matching: seek states that an autoencoder finds rare."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import torch
from torch import Tensor, nn

from leapbench.agents.urlb.common.agent import Skilled
from leapbench.agents.urlb.common.descent import Descent
from leapbench.agents.urlb.common.networks import Randomness, mlp, orthogonal
from leapbench.agents.urlb.common.practice import Objective
from leapbench.agents.urlb.common.replay import Batch, Sizes
from leapbench.agents.urlb.common.skills import OneHot, Skills
from leapbench.agents.urlb.diayn.policy import Discriminator

WHOLE = 10**9
"""A period longer than any episode: skills are drawn at its beginning alone."""
CODE, INNER = 128, 150
"""Numbers of the autoencoder's code, units of its hidden layers."""
BETA = 0.5
"""Weight of the code's divergence."""
DENSITY_RATE, GUESS_RATE = 1e-2, 1e-3
"""Learning rates of the autoencoder and of the discriminator."""


@dataclass(kw_only=True, eq=False)
class Smm(Skilled):
    """Seeks states that are rare for it (Lee et al., 2019).

    Args:
        skill: number of skills, each held for an episode.
        conditional: weight of the skill's cross-entropy; -1 by definition, 1 in URLB's code.
    """

    skill: int = 4
    conditional: float = 1.0

    def prior(self) -> Skills:
        """One of `skill` skills."""
        return OneHot(self.skill, WHOLE)

    def objective(self, sizes: Sizes, seed: int) -> Objective:
        """Rarity of states, and how badly they tell the skill."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return Matching(sizes, self.backbone.hidden, self.conditional, seed + 1)


class Matching(nn.Module):
    """State marginal matching (SMM, Lee et al., 2019), as URLB has it.

    Reward: the autoencoder's squared error + log n + c * cross-entropy of the skill.
    By the method's definition c is -1; URLB's code adds the cross-entropy (c = 1).

    Args:
        sizes: of observations and skills.
        hidden: units of the discriminator's hidden layers.
        conditional: c.
        seed: of the autoencoder's noise.
    """

    def __init__(self, sizes: Sizes, hidden: int, conditional: float, seed: int) -> None:
        super().__init__()
        self.density = Density(sizes.seen)
        self.guess = Discriminator(sizes, hidden, GUESS_RATE)
        self.conditional = conditional
        self._descent = Descent(self.density, DENSITY_RATE)
        self._noise = Randomness(seed)

    def forward(self, batch: Batch) -> Tensor:
        """One step of both networks; the rewards (B,) are of their errors before it."""
        noise = torch.randn(len(batch.seen), CODE, generator=self._noise.generator)
        loss, rarity = self.density(batch.seen, noise.to(batch.seen.device))
        self._descent(loss)
        with torch.no_grad():
            surprise = -self.guess.likelihood(batch.observation, batch.skill)
        self.guess.learn(batch.observation, batch.skill)
        count = log(batch.skill.shape[1])
        rewards: Tensor = rarity.detach() + count + self.conditional * surprise
        return rewards


class Density(nn.Module):
    """Autoencoder of observations and skills, whose error stands for their rarity.

    Args:
        inputs: numbers of an observation and a skill together.
    """

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.encode = nn.Sequential(mlp(inputs, INNER, INNER), nn.ReLU())
        self.mean = orthogonal(nn.Linear(INNER, CODE))
        self.spread = orthogonal(nn.Linear(INNER, CODE))
        self.decode = mlp(CODE, INNER, INNER, inputs)

    def forward(self, seen: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Loss, and squared errors (B,), of (B, inputs) with noise (B, code)."""
        inner = self.encode(seen)
        mean, spread = self.mean(inner), self.spread(inner)
        error = (seen - self.decode(mean + noise * (0.5 * spread).exp())).square()
        apart = -0.5 * (1 + spread - mean.square() - spread.exp()).sum(dim=1)
        return BETA * apart.mean() + error.mean(), error.sum(dim=1)
