"""Curiosity: seek steps whose outcome a model cannot predict yet."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from leapbench.agents.urlb.common.agent import Plain
from leapbench.agents.urlb.common.descent import Descent
from leapbench.agents.urlb.common.networks import mlp
from leapbench.agents.urlb.common.practice import Objective
from leapbench.agents.urlb.common.replay import Batch, Sizes


class Icm(Plain):
    """Seeks steps whose outcome is badly predicted; see `Plain` for the settings."""

    def objective(self, sizes: Sizes, seed: int) -> Objective:
        """Error of a forward model of observations."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            hidden, rate = self.backbone.hidden, self.backbone.rate
            return Curiosity(nn.Identity(), sizes.observation, sizes.action, hidden, rate)


class Curiosity(nn.Module):
    """Forward and inverse model between encodings of states (ICM, Pathak et al., 2017).

    Args:
        encoder: of observations; the identity in URLB's ICM.
        width: numbers of an encoding.
        action: numbers of an action.
        hidden: units of the hidden layer of each model.
        rate: learning rate.
    """

    def __init__(
        self, encoder: nn.Module, width: int, action: int, hidden: int, rate: float
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.ahead = mlp(width + action, hidden, width)
        self.back = mlp(2 * width, hidden, action)
        self._descent = Descent(self, rate)

    def errors(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Distances (B,) of predicted encodings and of predicted actions."""
        now, later = self.encoder(batch.observation), self.encoder(batch.next)
        ahead = self.ahead(torch.cat([now, batch.action], dim=1))
        back = torch.tanh(self.back(torch.cat([now, later], dim=1)))
        norm = torch.linalg.vector_norm
        return norm(later - ahead, dim=1), norm(batch.action - back, dim=1)

    def learn(self, batch: Batch) -> None:
        """One step on the sum of both mean distances."""
        ahead, back = self.errors(batch)
        self._descent(ahead.mean() + back.mean())

    def forward(self, batch: Batch) -> Tensor:
        """One step on the batch, and its rewards log(1 + forward error), (B,)."""
        self.learn(batch)
        with torch.no_grad():
            return self.errors(batch)[0].log1p()
