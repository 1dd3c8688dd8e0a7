"""LASNet's loss terms, against a plain computation of each equation."""

from __future__ import annotations

from math import cos, exp, log, pi

import numpy as np
import pytest
import torch

from leapbench.agents.latency.common import losses
from leapbench.agents.latency.common.network import Shape, build

SHAPE = Shape((3, 16, 16), 5, 8, (8, 16), (1, 1), (2, 2))


def test_gumbel_masks_are_the_harder_softmax_with_its_gradient() -> None:
    rng = np.random.default_rng(0)
    values, noise = rng.normal(size=(2, 2, 3, 3)), rng.uniform(0.01, 0.99, (2, 2, 3, 3))
    scores = torch.tensor(values, requires_grad=True)
    mask = losses.gumbel_mask(scores, 0.7, torch.tensor(noise))
    mask.sum().backward()  # type: ignore[no-untyped-call]
    noisy = (values - np.log(-np.log(noise))) / 0.7
    soft = 1 / (1 + np.exp(noisy[:, 1] - noisy[:, 0]))
    assert np.array_equal(mask.detach()[:, 0].numpy().round(6), (soft >= 0.5).astype(float))
    assert scores.grad is not None
    assert np.allclose(scores.grad[:, 0].numpy(), soft * (1 - soft) / 0.7)
    assert np.allclose(scores.grad[:, 1].numpy(), -soft * (1 - soft) / 0.7)


def test_gumbel_masks_keep_with_the_probability_of_the_softmax() -> None:
    noise = torch.rand((20_000, 2, 1, 1), generator=torch.Generator().manual_seed(0))
    scores = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1).expand(20_000, 2, 1, 1)
    share = float(losses.gumbel_mask(scores, 1.0, noise.clamp(1e-6, 1 - 1e-6)).mean())
    assert share == pytest.approx(1 / (1 + exp(-1)), abs=0.01)


@pytest.mark.parametrize("stride", [1, 2])
def test_a_dilated_mask_has_what_the_convolution_looks_at(stride: int) -> None:
    mask = torch.zeros(1, 1, 4, 4)
    mask[0, 0, 1, 2] = mask[0, 0, 3, 3] = 1
    looked = np.zeros((4 * stride, 4 * stride))
    for y, x in [(1, 2), (3, 3)]:
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                v, u = stride * y + dy, stride * x + dx
                if 0 <= v < len(looked) and 0 <= u < len(looked):
                    looked[v, u] = 1
    assert np.array_equal(losses.dilated(mask, stride)[0, 0].numpy(), looked)


def test_multiply_adds_of_the_network_by_hand() -> None:
    network, masks = build(SHAPE, 0), [torch.zeros(2, 1, 4, 4), torch.ones(2, 1, 2, 2)]
    masks[0][0, 0, :2] = 1  # half of one image of two
    wide = masks[0].repeat_interleave(2, 2).repeat_interleave(2, 3)
    needed = float(losses.dilated(wide, 1).mean())
    first = 4 * 8 * 16 + needed * 64 * 8 * 2 + 0.25 * 64 * (9 * 2 * 2 + 2 * 8)
    dense_first = 4 * 8 * 16 + 64 * 8 * 2 + 64 * (9 * 2 * 2 + 2 * 8)
    second = 4 * 8 * 4 + 64 * 8 * 4 + 16 * (9 * 4 * 4 + 4 * 16) + 16 * 8 * 16
    outside = 9 * 3 * 8 * 64 + 16 * 16 + 16 * 5
    static = dense_first - 4 * 8 * 16 + second - 4 * 8 * 4 + outside
    total, each = losses.shares(network, masks)
    assert float(total) == pytest.approx((first + second + outside) / static)
    assert each.tolist() == pytest.approx([first / dense_first, 1.0])


def test_bounds_start_at_the_target_and_end_free() -> None:
    assert losses.bounds(0.0, 0.4) == pytest.approx((0.4, 0.4))
    assert losses.bounds(0.33, 0.4) == pytest.approx((0.0, 1.0))
    assert losses.bounds(1.0, 0.4) == pytest.approx((0.0, 1.0))
    loose = cos(0.1 / 0.33 * pi / 2) ** 2
    assert losses.bounds(0.1, 0.4) == pytest.approx((loose * 0.4, 1 - loose * 0.6))


def test_the_budget_loss_is_its_two_terms() -> None:
    total, each = torch.tensor(0.7), torch.tensor([0.1, 0.45, 0.9])
    low, high = losses.bounds(0.05, 0.4)
    wanted = 0.3**2 + ((low - 0.1) ** 2 + max(0, 0.45 - high) ** 2 + (0.9 - high) ** 2) / 3
    assert float(losses.budget_loss(total, each, 0.4, 0.05)) == pytest.approx(wanted)


def test_distillation_is_the_divergence_of_softened_answers() -> None:
    rng = np.random.default_rng(1)
    student, teacher = rng.normal(size=(2, 4, 3))
    p, q = (np.exp(z / 4) / np.exp(z / 4).sum(1, keepdims=True) for z in (teacher, student))
    wanted = 16 * (p * np.log(p / q)).sum(1).mean()
    got = losses.distillation(torch.tensor(student), torch.tensor(teacher), 4.0)
    assert float(got) == pytest.approx(wanted)


def test_the_temperature_falls_exponentially() -> None:
    assert losses.annealed(0.0) == pytest.approx(5.0)
    assert losses.annealed(1.0) == pytest.approx(0.1)
    assert log(losses.annealed(0.5)) == pytest.approx((log(5.0) + log(0.1)) / 2)
