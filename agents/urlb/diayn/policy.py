"""Diversity is all you need: skills that the states they lead to tell apart."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import torch
from torch import Tensor, nn
from torch.nn import functional

from leapbench.agents.urlb.common.agent import Skilled
from leapbench.agents.urlb.common.descent import Descent
from leapbench.agents.urlb.common.networks import mlp
from leapbench.agents.urlb.common.practice import Objective
from leapbench.agents.urlb.common.replay import Batch, Sizes
from leapbench.agents.urlb.common.skills import OneHot, Skills


@dataclass(kw_only=True, eq=False)
class Diayn(Skilled):
    """Seeks states that tell its skills apart (Eysenbach et al., 2018).

    Args:
        warm: how a fine-tuning begins: "explore", "greedy", or "random" as published.
        choice: of its skill: "search", "constant", or "random" as published.
        skill: number of skills.
        period: steps for which one is held.
    """

    skill: int = 16
    period: int = 50

    def prior(self) -> Skills:
        """One of `skill` skills."""
        return OneHot(self.skill, self.period)

    def objective(self, sizes: Sizes, seed: int) -> Objective:
        """Log-likelihood of the skill under a discriminator."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return Discriminator(sizes, self.backbone.hidden, self.backbone.rate)


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
