"""How much a photograph would tell: Bayesian updates of a point's colour (Eq 13-22).

A sample with weight w and prior N(mean, prior) lies on a ray whose colour has the
variance `ray`. With the other samples held fixed, the ray's colour given the sample's
is N(w c + rest, ray), so that the update is that of a linear Gaussian model.
"""

from __future__ import annotations

from torch import Tensor

TINY = 1e-12


def posterior_variance(prior: Tensor, weights: Tensor, ray: Tensor) -> Tensor:
    """(1 / prior + w^2 / ray)^-1 (Eq 19), which no unseen colour enters.

    Args:
        prior: (N, S), variance of each sample, above 0.
        weights: (N, S), compositing weights.
        ray: (N,), variance of each ray's colour.

    Returns:
        (N, S), in (0, prior].
    """
    return 1 / (1 / prior + weights.square() / ray[:, None].clamp_min(TINY))


def posterior_mean(
    mean: Tensor, prior: Tensor, weights: Tensor, ray: Tensor, seen: Tensor, rendered: Tensor
) -> Tensor:
    """Mean of a sample once its ray is seen (Eq 17), arranged without the division by w.

    That is gamma (seen - rest) / w + (1 - gamma) mean.

    Args:
        mean: (N, S, 3), colour of each sample.
        prior: (N, S), its variance.
        weights: (N, S), compositing weights.
        ray: (N,), variance of each ray's colour.
        seen: (N, 3), colour that the photograph shows.
        rendered: (N, 3), mean colour of each ray.

    Returns:
        (N, S, 3).
    """
    gain = weights * prior / (weights.square() * prior + ray[:, None]).clamp_min(TINY)
    return mean + gain[..., None] * (seen - rendered)[:, None]


def evidence(weights: Tensor, ray: Tensor) -> Tensor:
    """w^2 / ray, what one ray adds to the precision of each of its samples; (N, S)."""
    return weights.square() / ray[:, None].clamp_min(TINY)


def joint_variance(prior: Tensor, evidences: Tensor) -> Tensor:
    """(1 / prior + sum of the evidence of several rays)^-1 (Eq 22).

    Printed with the point's variance below the weights; Eq 19 has the ray's, which
    is meant.

    Args:
        prior: (...), variance of each point.
        evidences: (..., K), of the K rays through it.
    """
    return 1 / (1 / prior + evidences.sum(-1))


def literal_gain(prior: Tensor, weights: Tensor) -> Tensor:
    """Variance that the samples of a ray would lose (Eq 21), prior less posterior; (N,).

    The ray's own variance is the sum of w^2 prior (Eq 9), so that the scale of its
    weights cancels: a ray through almost nothing is worth as much as one that meets a
    wall. A ray whose weights are all 0 gains 0.
    """
    squares = weights.square()
    shares = squares / squares.amax(1, keepdim=True).clamp_min(1e-30)  # against underflow
    return (prior - posterior_variance(prior, shares.sqrt(), (shares * prior).sum(1))).sum(1)


def weighted_gain(prior: Tensor, weights: Tensor) -> Tensor:
    """`literal_gain` times the ray's opacity; (N,)."""
    return literal_gain(prior, weights) * weights.sum(1)
