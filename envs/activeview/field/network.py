"""The network of a radiance field with variance (ActiveNeRF, arXiv 2209.08546, section 4)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from leapbench.envs.activeview.field.settings import MlpSettings


def encoded(values: Tensor, octaves: int) -> Tensor:
    """Positional encoding: values (..., 3) and their sine and cosine at doubling frequencies.

    Returns:
        (..., 3 + 6 * octaves).
    """
    scales = 2.0 ** torch.arange(octaves, device=values.device)
    angles = (values[..., None, :] * scales[:, None]).flatten(-2)
    return torch.cat((values, angles.sin(), angles.cos()), -1)


class FieldNetwork(nn.Module):
    """Density, colour and variance of a point; the colour alone depends on the direction."""

    def __init__(self, settings: MlpSettings) -> None:
        super().__init__()
        width, place = settings.width, 3 + 6 * settings.octaves
        self.octaves, self.direction_octaves = settings.octaves, settings.direction_octaves
        self.floor, self.again = settings.variance_floor, settings.depth // 2 + 1
        inputs = [place] + [width] * (settings.depth - 1)
        if self.again < settings.depth:
            inputs[self.again] += place
        self.trunk = nn.ModuleList(nn.Linear(size, width) for size in inputs)
        self.density, self.variance = nn.Linear(width, 1), nn.Linear(width, 1)
        self.feature = nn.Linear(width, width)
        self.directed = nn.Linear(width + 3 + 6 * settings.direction_octaves, width // 2)
        self.colour = nn.Linear(width // 2, 3)

    def forward(self, points: Tensor, directions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Density (N, S), colour (N, S, 3) and variance (N, S).

        Args:
            points: (N, S, 3).
            directions: (N, 3), of unit length.
        """
        place = encoded(points, self.octaves)
        hidden = place
        for order, layer in enumerate(self.trunk):
            if order == self.again:
                hidden = torch.cat((place, hidden), -1)
            hidden = layer(hidden).relu()
        view = encoded(directions, self.direction_octaves)[:, None].expand(*points.shape[:2], -1)
        shown = self.directed(torch.cat((self.feature(hidden), view), -1)).relu()
        variance = self.floor + nn.functional.softplus(self.variance(hidden))
        return self.density(hidden).relu()[..., 0], self.colour(shown).sigmoid(), variance[..., 0]
