"""State marginal matching: seek states that an autoencoder finds rare."""

from __future__ import annotations

from math import log

import torch
from torch import Tensor, nn

from leapbench.agents.urlb.common.ddpg import Backbone, Descent
from leapbench.agents.urlb.common.loop import Objective
from leapbench.agents.urlb.common.networks import mlp, orthogonal
from leapbench.agents.urlb.common.policy import Intrinsic
from leapbench.agents.urlb.common.replay import Batch, Sizes
from leapbench.agents.urlb.common.skills import OneHot
from leapbench.agents.urlb.diayn.policy import Discriminator

WHOLE = 10**9
"""A period longer than any episode: skills are drawn at its beginning alone."""
CODE, INNER = 128, 150
"""Numbers of the autoencoder's code, units of its hidden layers."""
BETA = 0.5
"""Weight of the code's divergence."""
DENSITY_RATE, GUESS_RATE = 1e-2, 1e-3
"""Learning rates of the autoencoder and of the discriminator."""


class Smm(Intrinsic):
    """Seeks states that are rare for it (Lee et al., 2019).

    Args:
        hidden: see `Diayn`, as for the next eight.
        batch: transitions of an update.
        rate: learning rate.
        every: steps for one update.
        warmup: steps before the first update of a phase.
        order: of the updates of actor and critic.
        warm: see `Tuner`.
        choice: see `Tuner`.
        skill: number of skills, each held for an episode.
        conditional: see `Matching`; -1 by definition.
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
        skill: int = 4,
        conditional: float = 1.0,
    ) -> None:
        backbone = Backbone(hidden, batch, rate, every, warmup, order)
        super().__init__(backbone, OneHot(skill, WHOLE), warm, choice)
        self.conditional = conditional

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
        self._noise = torch.Generator().manual_seed(seed)

    def forward(self, batch: Batch) -> Tensor:
        """One step of both networks; the rewards (B,) are of their errors before it."""
        noise = torch.randn(len(batch.seen), CODE, generator=self._noise)
        loss, rarity = self.density(batch.seen, noise)
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
