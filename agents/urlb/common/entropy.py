"""Particle entropy: how far the nearest neighbours are (APT, Liu & Abbeel, 2021)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from leapbench.errors import UserError

NORMALISERS = ("centred", "variance", "mean", "none")
COUNT = 1e-4
"""Weight of the running moments' first values."""


def nearest(source: Tensor, target: Tensor, count: int) -> Tensor:
    """Distances of each row of `source` to its nearest rows of `target`.

    Squares are taken by one matrix product in double precision, so that small distances,
    and that of a row to itself, do not drown in rounding.

    Args:
        source: (B, d).
        target: (N, d).
        count: k, at most N.

    Returns:
        (B, k), in no order.
    """
    a, b = source.double(), target.double()
    square = torch.addmm((b * b).sum(dim=1), a, b.T, alpha=-2) + (a * a).sum(dim=1, keepdim=True)
    if square.device.type != "cpu":
        return square.float().topk(count, largest=False).values.clamp(min=0).sqrt()
    # NumPy's selection is several times as fast as torch.topk on one thread.
    near = np.partition(square.float().numpy(), count - 1, axis=1)[:, :count]
    return torch.from_numpy(near).clamp(min=0).sqrt()


class Moments(nn.Module):
    """Running mean and variance of all numbers ever given, beginning at 0 and 1."""

    mean: Tensor
    variance: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("variance", torch.ones(()))
        self.count = COUNT

    def get_extra_state(self) -> Tensor:
        """How much was counted, which is more than a float32 tells apart."""
        return torch.tensor(self.count, dtype=torch.float64)

    def set_extra_state(self, state: Tensor) -> None:
        """Restore the count."""
        self.count = float(state)

    def update(self, values: Tensor) -> None:
        """Count `values`, of any shape."""
        count, total = values.numel(), self.count + values.numel()
        variance, mean = torch.var_mean(values)
        off = mean - self.mean
        spread = self.variance * self.count + variance * count
        self.variance = (spread + off * off * (self.count * count / total)) / total
        self.mean, self.count = self.mean + off * (count / total), total


class ParticleEntropy(nn.Module):
    """log(1 + mean_k max(norm(d_k) - clip, 0)) of the k nearest neighbours' distances d.

    Args:
        neighbours: k.
        normaliser: "centred": (d - M) / S (MOSS), "variance": d / S (CIC), "mean": d / M
            (URLB), with M the running mean and S the running variance of d; "none".
        clip: what is taken off afterwards, 0 or more.

    Raises:
        UserError: for another normaliser.
    """

    def __init__(self, neighbours: int, normaliser: str, clip: float) -> None:
        super().__init__()
        if normaliser not in NORMALISERS:
            known = ", ".join(NORMALISERS)
            raise UserError(f"normaliser must be one of {known}, got {normaliser!r}.")
        self.neighbours, self.normaliser, self.clip = neighbours, normaliser, clip
        self.moments = Moments()

    @torch.no_grad()
    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Rewards (B,) for `source` (B, d) among `target` (N, d); 0 or more."""
        near = nearest(source, target, min(self.neighbours, len(target)))
        if self.normaliser != "none":
            self.moments.update(near)
            near = self._normalised(near)
        return torch.clamp(near - self.clip, min=0).mean(dim=1).log1p()

    def _normalised(self, near: Tensor) -> Tensor:
        moments = self.moments
        if self.normaliser == "centred":
            return (near - moments.mean) / moments.variance
        return near / (moments.variance if self.normaliser == "variance" else moments.mean)
