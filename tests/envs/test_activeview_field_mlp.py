"""The network's field: encoding, hierarchical sampling, learning and copies."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from leapbench.envs.activeview.field import Likelihood, MlpField, MlpSettings, rays_of
from leapbench.envs.activeview.field.mlp import drawn
from leapbench.envs.activeview.field.network import FieldNetwork, encoded
from leapbench.envs.activeview.field.rays import Rays
from leapbench.envs.activeview.field.render import composite

INTRINSICS = (14.0, 14.0, 5.0, 5.0)
TINY = MlpSettings(
    width=32, depth=3, octaves=4, direction_octaves=2, samples=16, fine_samples=16, rays=128,
    rate=5e-3, likelihood=Likelihood(),
)  # fmt: skip


def poses(count: int) -> np.ndarray:
    """Around the box at distance 3, level with it, as float32 (count, 4, 4)."""
    result = np.tile(np.eye(4, dtype=np.float32), (count, 1, 1))
    for pose, angle in zip(result, np.linspace(0, 2 * np.pi, count, endpoint=False), strict=True):
        back = np.array([np.cos(angle), np.sin(angle), 0])
        pose[:3] = np.stack(([-back[1], back[0], 0], [0, 0, 1], back, 3 * back), 1)
    return result


@pytest.fixture
def field() -> MlpField:
    """Has seen a dark square before white, from four sides."""
    images = np.full((4, 10, 10, 3), 255, np.uint8)
    images[:, 3:7, 3:7] = 40
    field = MlpField(TINY, 0)
    field.observe(images, poses(4), INTRINSICS)
    return field


def error(field: MlpField) -> float:
    seen = [field.render(pose, INTRINSICS, 10, 10).colour.reshape(-1, 3) for pose in poses(4)]
    return float((torch.cat(seen) - field.colours).square().mean())


def test_encoding_of_a_half() -> None:
    found = encoded(torch.tensor([0.5, 0.0, -1.0]), 2)
    angles = [0.5, 0.0, -1.0, 1.0, 0.0, -2.0]
    expected = [0.5, 0.0, -1.0, *map(math.sin, angles), *map(math.cos, angles)]
    torch.testing.assert_close(found, torch.tensor(expected))


def test_the_papers_network_has_its_size() -> None:
    """Layer by layer, as section 4 and its supplement describe them."""
    trunk = 63 * 256 + 256 + 6 * (256 * 256 + 256) + (319 * 256 + 256)
    heads = 2 * 257 + (256 * 256 + 256) + (283 * 128 + 128) + (128 * 3 + 3)
    assert sum(each.numel() for each in FieldNetwork(MlpSettings()).parameters()) == trunk + heads


def test_variance_does_not_depend_on_the_direction_and_colour_does() -> None:
    network, points = FieldNetwork(TINY), torch.rand(1, 5, 3).expand(2, 5, 3)
    density, colour, variance = network(points, torch.eye(3)[:2])
    torch.testing.assert_close(density[0], density[1])
    torch.testing.assert_close(variance[0], variance[1])
    assert (colour[0] - colour[1]).abs().max() > 1e-3
    assert variance.min() > TINY.variance_floor


def test_draws_follow_the_weights() -> None:
    distances = torch.arange(6.0).expand(2, 6)
    weights = torch.tensor([[9.0, 0, 3, 1, 0, 9], [0, 0, 0, 0, 0, 0]])
    found = drawn(distances, weights, 4001, torch.Generator().manual_seed(0))
    inside = (found > 1.5) & (found < 2.5)
    assert float(inside[0].float().mean()) == pytest.approx(0.75, abs=0.02)
    assert found[0].min() > 1.49
    assert found[0].max() < 3.51
    even = drawn(distances, weights, 5)[1]
    torch.testing.assert_close(even, torch.tensor([0.5, 1.5, 2.5, 3.5, 4.5]))


def test_fine_samples_are_in_order_and_fill_the_box(field: MlpField) -> None:
    samples = field.sample(field.rays)
    assert (samples.distances.diff(dim=1) >= 0).all()
    assert samples.density.shape == (400, 32)
    assert (samples.steps >= 0).all()


def test_it_learns_and_is_deterministic(field: MlpField) -> None:
    before = error(field)
    other = field.copy()
    field.train(100)
    assert error(field) < before / 4
    other.train(100)
    assert error(other) == error(field)


def test_a_copy_is_independent(field: MlpField) -> None:
    field.train(3)
    other, before = field.copy(), error(field)
    other.train(3)
    assert error(field) == before != error(other)


def test_features_of_cameras(field: MlpField) -> None:
    field.train(20)
    found = field.features(poses(3), INTRINSICS, 5, 5)
    assert found.shape == (3, 5)
    assert torch.isfinite(found).all()
    assert (found >= 0).all()
    assert torch.equal(found, field.features(poses(3), INTRINSICS, 5, 5))


def test_fisher_probe_is_unbiased() -> None:
    """The mean over probes against derivatives ray by ray and channel by channel."""
    small = replace(TINY, width=4, depth=2, octaves=1, direction_octaves=1)
    field = MlpField(small, 3)
    torch.nn.init.constant_(field.networks[1].density.bias, 1.0)  # something to see
    rays = Rays(*(part[44:48] for part in rays_of(torch.tensor(poses(1)[0]), INTRINSICS, 10, 10)))
    parameters = list(field.networks[1].parameters())
    colour = composite(field.sample(rays))[0].colour
    exact = 0.0
    for value in colour.view(-1):
        slopes = torch.autograd.grad(
            value, parameters, retain_graph=True, allow_unused=True, materialize_grads=True
        )
        exact += sum(float(slope.square().sum()) for slope in slopes)
    probe = torch.Generator().manual_seed(0)
    mean = np.mean([field._squares(rays, probe).sum().item() for _ in range(300)])
    assert exact > 0
    assert mean == pytest.approx(exact, rel=0.2)
