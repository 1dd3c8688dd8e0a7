"""The weight prediction network and the weights made from its output."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from leapbench.errors import unknown

# Over which axes of the (B, K) matrix the mean is taken away: all of it, each
# sample's exits, or each exit's samples.
CENTRINGS: dict[str, tuple[int, ...]] = {"mat": (0, 1), "col": (1,), "row": (0,)}


class WeightPredictor(nn.Sequential):
    """MLP from the K losses of a sample to K raw weights in (-1, 1).

    Args:
        exits: K.
        hidden: hidden units; 500 in the paper's code.
    """

    def __init__(self, exits: int, hidden: int = 500) -> None:
        super().__init__(nn.Linear(exits, hidden), nn.ReLU(), nn.Linear(hidden, exits), nn.Tanh())


def weights(raw: Tensor, epsilon: float, centring: str) -> Tensor:
    """Sample weights W = 1 + epsilon (raw - mean), (B, K); the mean of W is 1.

    Args:
        raw: output of the predictor, (B, K) in (-1, 1).
        epsilon: strength of the weighting, in [0, 1).
        centring: "mat", "col" (over a sample's exits) or "row" (over the batch).

    Raises:
        UserError: for another centring.
    """
    if centring not in CENTRINGS:
        raise unknown("centring", centring, CENTRINGS)
    return 1.0 + epsilon * (raw - raw.mean(CENTRINGS[centring], keepdim=True))


def exit_shares(exits: int, p: float) -> Tensor:
    """Share of samples that should leave at each exit, proportional to p^k, (K,)."""
    shares = torch.tensor([p**k for k in range(1, exits + 1)], dtype=torch.float64)
    return shares / shares.sum()
