"""Disagreement: seek steps on whose outcome several models differ."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from leapbench.agents.urlb.common.agent import Plain
from leapbench.agents.urlb.common.descent import Descent
from leapbench.agents.urlb.common.practice import Objective
from leapbench.agents.urlb.common.replay import Batch, Sizes

MODELS = 5
"""Members of the ensemble."""


class Disagreement(Plain):
    """Seeks steps on whose outcome five models differ; see `Plain` for the settings."""

    def objective(self, sizes: Sizes, seed: int) -> Objective:
        """Variance over an ensemble of forward models."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return Ensemble(sizes, self.backbone.hidden, self.backbone.rate)


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
