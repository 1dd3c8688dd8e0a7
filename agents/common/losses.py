"""Losses between what is imagined and what came; N rows are K steps of B sequences, by step.

Nothing here passes a gradient into a target.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

NORM = 1e-3
"""Least norm that is divided by, as in the released SPR code."""


def cosine(predicted: Tensor, target: Tensor) -> Tensor:
    """SPR's distance 1 - cos (N,), half the squared distance of the normalised vectors.

    Args:
        predicted: (N, d).
        target: (N, d).
    """
    a = normalize(predicted, dim=-1, eps=NORM)
    b = normalize(target.detach(), dim=-1, eps=NORM)
    return (a - b).square().sum(-1) / 2


def squared(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean squared error (N,) of latents (N, ...)."""
    return (predicted - target.detach()).square().flatten(1).mean(1)


def value_consistency(
    predicted: Tensor,
    target: Tensor,
    taken: Tensor,
    returns: Tensor | None = None,
    every: bool = True,
) -> Tensor:
    """Eq 6: squared error of action values (N,), averaged over actions.

    Args:
        predicted: (N, A), of the imagined state.
        target: (N, A), of the real one.
        taken: int64 (N,), the action really taken.
        returns: (N,), its n-step return, which stands in for its value; None for the
            ablation without the substitution.
        every: False for the ablation with the taken action alone.
    """
    aim = _substituted(target.detach(), taken, returns)
    errors = (predicted - aim).square()
    return errors.mean(1) if every else _at(errors, taken)


def distribution_consistency(
    log_predicted: Tensor,
    target: Tensor,
    taken: Tensor,
    returns: Tensor | None = None,
    every: bool = True,
) -> Tensor:
    """Eq 6 for distributions over atoms: cross-entropy (N,), averaged over actions.

    Args:
        log_predicted: (N, A, atoms), log-probabilities of the imagined state.
        target: (N, A, atoms), probabilities of the real one.
        taken: int64 (N,).
        returns: (N, atoms), distribution of the taken action's n-step return, or None.
        every: see `value_consistency`.
    """
    aim = _substituted(target.detach(), taken, returns)
    if not every:
        return -(_at(aim, taken) * _at(log_predicted, taken)).sum(-1)
    return -(aim * log_predicted).sum((1, 2)) / log_predicted.shape[1]


def over_steps(each: Tensor, alive: Tensor) -> Tensor:
    """Sum over k = 1..K of the steps that were reached (B,).

    Args:
        each: (K * B,), by step.
        alive: (B, K), 1 where the step counts.
    """
    return (each.view(alive.shape[1], -1).T * alive).sum(1)


def _substituted(target: Tensor, taken: Tensor, returns: Tensor | None) -> Tensor:
    if returns is None:
        return target
    aim = target.clone()
    aim[torch.arange(len(taken), device=taken.device), taken] = returns.detach()
    return aim


def _at(values: Tensor, taken: Tensor) -> Tensor:
    return values[torch.arange(len(taken), device=taken.device), taken]
