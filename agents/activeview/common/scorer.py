"""A small network that scores each candidate by itself, with the same weights for all."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from leapbench.agents.common.mlp import mlp
from leapbench.envs.activeview.table import ViewColumn

COMPARED = (
    ViewColumn.Z,
    ViewColumn.DISTANCE,
    ViewColumn.ANGLE,
    ViewColumn.VARIANCE,
    ViewColumn.GAIN,
    ViewColumn.OPACITY_GAIN,
    ViewColumn.FISHER,
    ViewColumn.OPACITY,
)
"""What the network sees of a candidate, in standard deviations from the mean of those free."""
INPUTS = len(COMPARED) + 1
"""With the share of the budget that is left."""


class Scorer(nn.Module):
    """Scores (B, C) of the candidates of flattened `ViewTable`s (B, C * columns).

    Candidates are only ever compared with each other, so what is learned with small
    pictures and few candidates carries over to others.

    Args:
        hidden: units of both hidden layers.
        gap: by how much a candidate that was taken scores less than the least of the rest.
    """

    def __init__(self, hidden: int, gap: float) -> None:
        super().__init__()
        self.gap = gap
        self.layers = mlp((INPUTS, hidden, hidden, 1))

    def forward(self, flat: Tensor) -> Tensor:
        """See the class."""
        inputs, free = compared(flat)
        scores = self.layers(inputs)[..., 0]
        least = scores.detach().amin(1, keepdim=True)
        return torch.where(free, scores, least - self.gap)


class Value(nn.Module):
    """Value (B, 1) of an observation: a mean over what a small network says of candidates."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.layers = mlp((INPUTS, hidden, hidden, 1))

    def forward(self, flat: Tensor) -> Tensor:
        """See the class."""
        values: Tensor = self.layers(compared(flat)[0])
        return values.mean(1)


def compared(flat: Tensor) -> tuple[Tensor, Tensor]:
    """Inputs of the networks (B, C, INPUTS), and bool (B, C), which candidates are free."""
    tables = flat.view(len(flat), -1, len(ViewColumn))
    free = tables[..., ViewColumn.FREE] > 0
    weight = free[..., None] / free.sum(1)[:, None, None].clamp_min(1)
    values = tables[..., list(COMPARED)]
    centred = values - (values * weight).sum(1, keepdim=True)
    deviation = (centred.square() * weight).sum(1, keepdim=True).sqrt()
    # Taken candidates are no part of the mean, and may be many deviations from it.
    inputs = (centred / deviation.clamp_min(1e-8)).clamp(-5, 5)
    return torch.cat((inputs, tables[..., ViewColumn.LEFT, None]), 2), free
