"""What predictions are compared with, and how."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, cross_entropy, normalize

from leapbench.envs.pretrain import spread

TEMPERATURE = 0.2


def unigrad(made: Tensor, wanted: Tensor, balance: float) -> Tensor:
    """Squared error, and a term that keeps predictions from agreeing on few directions.

    `(mean |p - t|^2 + balance * mean p C p) / D` with C the mean of t t' over the batch
    (released code: `compute_unigrad_loss`), where p C p is taken row by row, which needs
    memory for M x D numbers and not for M x M.

    Args:
        made: predictions (M, D).
        wanted: what they are to be (M, D), without gradient.
        balance: weight of the second term.
    """
    wanted = wanted.detach()
    common = spread.averaged(wanted.T @ wanted / len(wanted))
    error = (made - wanted).square().sum(1).mean()
    agreed = ((made @ common) * made).sum(1).mean()
    return (error + balance * agreed) / made.shape[1]


def cosine(made: Tensor, wanted: Tensor) -> Tensor:
    """2 - 2 cos of predictions and targets (M, D), as in BYOL."""
    return 2 - 2 * cosine_similarity(made, wanted.detach(), dim=1).mean()


def contrast(made: Tensor, wanted: Tensor) -> Tensor:
    """Cross-entropy of finding one's own target among the batch's, as in MoCo v3."""
    every = spread.gathered(normalize(wanted.detach(), dim=1))
    scores = normalize(made, dim=1) @ every.T / TEMPERATURE
    own = spread.part(torch.arange(len(every), device=made.device))
    return cross_entropy(scores, own) * 2 * TEMPERATURE


def levelled(pixels: Tensor) -> Tensor:
    """Pixels of patches (N, L, P) with mean 0 and variance 1 in each patch, as in MAE."""
    variance, mean = torch.var_mean(pixels, -1, keepdim=True)
    return (pixels - mean) / (variance + 1e-6).sqrt()
