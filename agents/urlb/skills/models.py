"""Who was that: discriminators of skills and densities of states. Each learns first, as in URLB."""

from __future__ import annotations

from math import log

import torch
from torch import Tensor, nn
from torch.nn import functional

from leapbench.agents.urlb.common.ddpg import Descent
from leapbench.agents.urlb.common.entropy import ParticleEntropy
from leapbench.agents.urlb.common.networks import mlp, orthogonal
from leapbench.agents.urlb.common.replay import Batch, Sizes

CODE, INNER = 128, 150
"""Numbers of the autoencoder's code, units of its hidden layers."""
BETA = 0.5
"""Weight of the code's divergence."""
DENSITY_RATE, GUESS_RATE = 1e-2, 1e-3
"""Learning rates of SMM's autoencoder and discriminator."""


class Discriminator(nn.Module):
    """log q(z | s') + log n of n one-hot skills (DIAYN, Eysenbach et al., 2018).

    Args:
        sizes: of observations and skills.
        hidden: units of both hidden layers.
        rate: learning rate.
    """

    def __init__(self, sizes: Sizes, hidden: int, rate: float) -> None:
        super().__init__()
        self.net = mlp(sizes.observation, hidden, hidden, sizes.skill)
        self._descent = Descent(self, rate)

    def likelihood(self, observation: Tensor, skill: Tensor) -> Tensor:
        """Log q of the skill (B, n) that is 1, at observations (B, d); (B,)."""
        return (functional.log_softmax(self.net(observation), dim=1) * skill).sum(dim=1)

    def learn(self, observation: Tensor, skill: Tensor) -> None:
        """One step on the cross-entropy."""
        self._descent(-self.likelihood(observation, skill).mean())

    def forward(self, batch: Batch) -> Tensor:
        """One step on the batch, and its rewards (B,)."""
        self.learn(batch.next, batch.skill)
        with torch.no_grad():
            return self.likelihood(batch.next, batch.skill) + log(batch.skill.shape[1])


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


class Features(nn.Module):
    """Features whose direction a skill asks for, and their entropy (APS, Liu & Abbeel, 2021).

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
            return self.entropy(features, features) + self.match(features, batch.skill)
