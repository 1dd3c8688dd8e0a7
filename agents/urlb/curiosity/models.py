"""Predictors whose errors are the reward. Each learns from a batch first, as in URLB."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from leapbench.agents.urlb.common.ddpg import Descent
from leapbench.agents.urlb.common.entropy import Moments
from leapbench.agents.urlb.common.networks import mlp
from leapbench.agents.urlb.common.replay import Batch, Sizes

FAR = 5.0
"""Largest normalised observation."""
MODELS = 5
"""Members of the ensemble."""


class Distillation(nn.Module):
    """Random network distillation (Burda et al., 2018).

    The reward is the mean squared error against a random network, over the square root
    of its running variance.

    Args:
        sizes: of observations.
        hidden: units of both hidden layers.
        outputs: numbers that are predicted.
        rate: learning rate.
    """

    def __init__(self, sizes: Sizes, hidden: int, outputs: int, rate: float) -> None:
        super().__init__()
        self.scale = nn.BatchNorm1d(sizes.observation, affine=False)
        self.predictor = mlp(sizes.observation, hidden, hidden, outputs)
        self.random = mlp(sizes.observation, hidden, hidden, outputs).requires_grad_(False)
        self.moments = Moments()
        self._descent = Descent(self, rate)

    def error(self, observation: Tensor) -> Tensor:
        """Mean squared error (B,) at observations (B, d), which are scaled by their batch."""
        scaled = self.scale(observation).clamp(-FAR, FAR)
        apart: Tensor = self.random(scaled) - self.predictor(scaled)
        return apart.square().mean(dim=1)

    def forward(self, batch: Batch) -> Tensor:
        """One step on the batch, and its rewards (B,)."""
        self._descent(self.error(batch.observation).mean())
        with torch.no_grad():
            error = self.error(batch.observation)
        self.moments.update(error)
        return error / (self.moments.variance.sqrt() + 1e-8)


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


class Ensemble(nn.Module):
    """Several forward models, and where they differ (Disagreement, Pathak et al., 2019).

    All members are computed by the same matrix products; their weights are drawn apart.

    Args:
        sizes: of observations and actions.
        hidden: units of each model's hidden layer.
        rate: learning rate.
    """

    def __init__(self, sizes: Sizes, hidden: int, rate: float) -> None:
        super().__init__()
        inputs = sizes.observation + sizes.action
        pairs = [
            (nn.Linear(inputs, hidden), nn.Linear(hidden, sizes.observation)) for _ in range(MODELS)
        ]
        first, last = zip(*pairs, strict=True)
        self.first, self.first_bias = stacked(first)
        self.last, self.last_bias = stacked(last)
        self._descent = Descent(self, rate)

    def predicted(self, batch: Batch) -> Tensor:
        """Each model's next observation, (models, B, d)."""
        seen = torch.cat([batch.observation, batch.action], dim=1).expand(MODELS, -1, -1)
        inner = torch.relu(torch.baddbmm(self.first_bias, seen, self.first))
        return torch.baddbmm(self.last_bias, inner, self.last)

    def forward(self, batch: Batch) -> Tensor:
        """One step on the mean distance, and the mean variance over models, (B,)."""
        distance = torch.linalg.vector_norm(batch.next - self.predicted(batch), dim=2)
        self._descent(distance.mean())
        with torch.no_grad():
            return self.predicted(batch).var(dim=0).mean(dim=1)


def stacked(layers: Iterable[nn.Linear]) -> tuple[nn.Parameter, nn.Parameter]:
    """Weights (n, inputs, outputs) and biases (n, 1, outputs) of n layers of one shape."""
    weights, biases = zip(
        *((each.weight.detach().T, each.bias.detach()) for each in layers), strict=True
    )
    return nn.Parameter(torch.stack(weights)), nn.Parameter(torch.stack(biases)[:, None])
