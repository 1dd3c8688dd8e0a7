"""Closed forms of rendering, loss and gains."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from leapbench.envs.activeview.field import Likelihood, gain
from leapbench.envs.activeview.field.fisher import squared_jacobian
from leapbench.envs.activeview.field.loss import density_slope, ray_loss
from leapbench.envs.activeview.field.render import (
    Samples,
    composite,
    thickness_gradient,
    weights_of,
)

seeds = st.integers(0, 2**31 - 1)


def uniform(seed: int, *shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def slab(density: float, length: float, samples: int) -> Samples:
    """One ray through a constant medium of one colour and variance 0.5, from distance 1."""
    step = length / samples
    distances = 1 + step * (torch.arange(samples) + 0.5)[None]
    ones = torch.ones(1, samples)
    colour = torch.tensor([0.2, 0.5, 0.9]).expand(1, samples, 3)
    return Samples(density * ones, colour, 0.5 * ones, step * ones, distances)


@pytest.mark.parametrize("density", [1e-4, 0.3, 2.0, 40.0])
@pytest.mark.parametrize("samples", [1, 7, 64])
def test_constant_slab(density: float, samples: int) -> None:
    """Opacity 1 - exp(-density length), whatever the sampling; variance a geometric series."""
    length = 1.5
    seen, _ = composite(slab(density, length, samples))
    opacity = -math.expm1(-density * length)
    step = math.exp(-density * length / samples)
    assert seen.opacity.item() == pytest.approx(opacity, rel=1e-4)
    expected = 1 - opacity * (1 - torch.tensor([0.2, 0.5, 0.9]))
    torch.testing.assert_close(seen.colour[0], expected)
    squares = sum((1 - step) ** 2 * step ** (2 * s) for s in range(samples))
    assert seen.variance.item() == pytest.approx(0.5 * squares, rel=1e-3)


def test_depth_of_a_thick_and_of_no_slab() -> None:
    assert composite(slab(500.0, 2.0, 100))[0].depth.item() == pytest.approx(1.01, abs=1e-4)
    assert composite(slab(0.0, 2.0, 100))[0].depth.item() == pytest.approx(3.0, rel=1e-6)
    mean = 1 + 1 / 2.0  # an exponential distribution far from the end of the slab
    assert composite(slab(2.0, 20.0, 2000))[0].depth.item() == pytest.approx(mean, abs=1e-3)


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_thickness_gradient_is_autograds(seed: int) -> None:
    thickness = (3 * uniform(seed, 4, 9)).requires_grad_()
    slope = uniform(seed + 1, 4, 9) - 0.5
    weights, behind = weights_of(thickness)
    (expected,) = torch.autograd.grad((weights * slope).sum(), thickness)
    found = thickness_gradient(weights, behind, slope).detach()
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(seeds, st.sampled_from(["sum", "mean"]))
def test_loss_gradients_are_autograds(seed: int, channels: str) -> None:
    kind = Likelihood(0.7, 0.4, channels=channels)  # type: ignore[arg-type]
    colour = uniform(seed, 6, 3).requires_grad_()
    variance = uniform(seed + 1, 6).requires_grad_()
    loss = ray_loss(colour, variance, uniform(seed + 2, 6, 3), kind)
    by_colour, by_variance = torch.autograd.grad(loss.value, (colour, variance))
    torch.testing.assert_close(loss.colour, by_colour, rtol=1e-4, atol=1e-7)
    torch.testing.assert_close(loss.variance, by_variance, rtol=1e-4, atol=1e-7)


def test_likelihood_is_that_of_a_gaussian() -> None:
    """Summed over channels, three Gaussians share one log of the variance (Eq 10)."""
    colour, truth = torch.tensor([[0.1, 0.4, 0.8]]), torch.tensor([[0.2, 0.1, 0.7]])
    kind = Likelihood(squared=0.0, weight=1.0, floor=0.0)
    value = ray_loss(colour, torch.tensor([0.3]), truth, kind).value
    normal = torch.distributions.Normal(colour, math.sqrt(0.3))
    constants = 1.5 * math.log(2 * math.pi) + math.log(0.3)
    assert value.item() == pytest.approx(-normal.log_prob(truth).sum().item() - constants)


def test_likelihood_is_best_at_the_squared_error() -> None:
    colour, truth = torch.zeros(1, 3), torch.full((1, 3), 0.2)
    kind = Likelihood(squared=0.0, weight=1.0, floor=0.02)
    loss = ray_loss(colour, torch.tensor([0.12 - 0.02]), truth, kind)
    assert loss.variance.item() == pytest.approx(0.0, abs=1e-5)


def test_density_slope_is_that_of_the_mean_density() -> None:
    kind = Likelihood(weight=0.5, density=0.01)
    assert density_slope((4, 5), kind) * 20 == pytest.approx(0.5 * 0.01)


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_posterior_is_that_of_a_linear_gaussian(seed: int) -> None:
    """Against the two-dimensional Gaussian of (sample, ray colour), conditioned."""
    rng = np.random.default_rng(seed)
    prior, weight, ray, mean, seen, rest = rng.uniform(0.1, 1, 6)
    joint = np.array([[prior, weight * prior], [weight * prior, weight**2 * prior + ray]])
    rendered = weight * mean + rest
    slope = joint[0, 1] / joint[1, 1]
    expected = mean + slope * (seen - rendered), prior - slope * joint[0, 1]

    def one(value: float, *shape: int) -> torch.Tensor:
        return torch.full(shape, value)

    found = gain.posterior_mean(
        one(mean, 1, 1, 3), one(prior, 1, 1), one(weight, 1, 1), one(ray, 1), one(seen, 1, 3),
        one(rendered, 1, 3),
    )  # fmt: skip
    variance = gain.posterior_variance(one(prior, 1, 1), one(weight, 1, 1), one(ray, 1))
    assert found[0, 0, 0].item() == pytest.approx(expected[0], rel=1e-4)
    assert variance.item() == pytest.approx(expected[1], rel=1e-4)


def test_several_rays_at_once_are_one_after_another() -> None:
    """Eq 22 against repeated Eq 19, and against the normal equations."""
    prior, weights = torch.tensor([[0.7]]), uniform(1, 5)
    rays = 0.2 + uniform(2, 5)
    evidences = gain.evidence(weights[:, None], rays)[:, 0]
    variance = prior
    for weight, ray in zip(weights, rays, strict=True):
        variance = gain.posterior_variance(variance, weight.view(1, 1), ray.view(1))
    joint = gain.joint_variance(torch.tensor(0.7), evidences)
    assert joint.item() == pytest.approx(variance.item(), rel=1e-5)
    brute = 1 / (
        1 / 0.7 + sum(w * w / r for w, r in zip(weights.tolist(), rays.tolist(), strict=True))
    )
    assert joint.item() == pytest.approx(brute, rel=1e-5)


@settings(max_examples=20, deadline=None)
@given(seeds, st.floats(1e-6, 1))
def test_scale_of_the_weights_cancels_in_the_literal_gain_alone(seed: int, scale: float) -> None:
    prior, weights = 0.1 + uniform(seed, 3, 8), uniform(seed + 1, 3, 8) / 8
    literal = gain.literal_gain(prior, weights)
    torch.testing.assert_close(
        gain.literal_gain(prior, weights * scale), literal, rtol=1e-4, atol=0
    )
    weighted = gain.weighted_gain(prior, weights)
    torch.testing.assert_close(
        gain.weighted_gain(prior, weights * scale), scale * weighted, rtol=1e-4, atol=0
    )


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_gain_is_variance_lost(seed: int) -> None:
    prior, weights = 0.1 + uniform(seed, 2, 6).double(), uniform(seed + 1, 2, 6).double() / 6
    ray = (weights.square() * prior).sum(1)
    lost = (prior - gain.posterior_variance(prior, weights, ray)).sum(1)
    torch.testing.assert_close(gain.literal_gain(prior, weights), lost, rtol=1e-5, atol=1e-9)
    assert ((lost > 0) & (lost < prior.sum(1))).all()


def test_gain_against_finite_differences() -> None:
    """d posterior / d prior = (posterior / prior)^2, of Eq 19 with the ray held fixed."""
    prior, weights, ray = 0.3 + uniform(0, 2, 5).double(), uniform(1, 2, 5).double(), uniform(2, 2)
    step = 1e-6
    higher, lower = (gain.posterior_variance(prior + s, weights, ray) for s in (step, -step))
    expected = (gain.posterior_variance(prior, weights, ray) / prior).square()
    torch.testing.assert_close((higher - lower) / (2 * step), expected, rtol=1e-5, atol=1e-9)


def test_one_opaque_sample_gains_half_its_variance_and_nothing_gains_nothing() -> None:
    prior, weights = torch.tensor([[0.4, 0.9], [0.4, 0.9]]), torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    torch.testing.assert_close(gain.literal_gain(prior, weights), torch.tensor([0.2, 0.0]))


def test_squared_jacobian_is_autograds() -> None:
    thickness, colour = 2 * uniform(5, 1, 6), uniform(6, 1, 6, 3)

    def ray(thickness: torch.Tensor, colour: torch.Tensor) -> torch.Tensor:
        weights, _ = weights_of(thickness)
        return ((weights[..., None] * (colour - 1)).sum(1) + 1)[0]

    by_thickness, by_colour = torch.autograd.functional.jacobian(ray, (thickness, colour))
    found = squared_jacobian(thickness, colour)
    torch.testing.assert_close(found[..., 0], by_thickness.square().sum(0), rtol=1e-4, atol=1e-7)
    torch.testing.assert_close(found[..., 1:], by_colour.square().sum(0), rtol=1e-4, atol=1e-7)
