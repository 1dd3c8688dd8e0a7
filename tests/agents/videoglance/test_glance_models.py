"""How places are learned: gradients, what is stopped, and that models differ in nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from leapbench.agents.videoglance.common.interpolate import between_cells, between_pixels
from leapbench.agents.videoglance.common.places import WAYS, enlarged, way
from leapbench.agents.videoglance.common.training import total_loss
from leapbench.envs.videoglance.networks import GlanceNetwork
from leapbench.envs.videoglance.shape import Shape
from leapbench.envs.videoglance.tensors import crop
from leapbench.errors import UserError
from leapbench.macs import count

SHAPE = Shape(volume=(8, 32, 32), cube=(4, 16, 16), counts=(3, 3, 3), classes=3, looks=2)


def network(head: str = "heatmap", seed: int = 0) -> GlanceNetwork:
    torch.manual_seed(seed)
    return GlanceNetwork(SHAPE, head).eval()


def clips(count: int = 3) -> Tensor:
    return torch.rand(count, 1, *SHAPE.volume, generator=torch.Generator().manual_seed(1))


def test_crops_are_those_of_slices() -> None:
    videos, origins = clips(2), torch.tensor([[[0, 3, 5], [4, 16, 16]], [[1, 0, 0], [2, 9, 7]]])
    cut = crop(videos, origins, SHAPE.cube)
    for i, k in np.ndindex(2, 2):
        t, y, x = origins[i, k].tolist()
        assert torch.equal(cut[i, k], videos[i, :, t : t + 4, y : y + 16, x : x + 16])


def test_interpolation_is_that_of_grid_sample() -> None:
    maps = torch.rand(2, 5, 6, 7, 8)
    start, size = torch.tensor([[0.3, 2.7, 1.0], [2.0, 0.0, 3.9]]), (4, 4, 4)
    ours = between_cells(maps, start, size)
    axes = [start[:, i, None] + torch.arange(size[i]) for i in range(3)]
    scaled = [2 * axis / (n - 1) - 1 for axis, n in zip(axes, maps.shape[2:], strict=True)]
    t, y, x = (
        axis.view(2, *(-1 if i == j else 1 for j in range(3))).expand(2, *size)
        for i, axis in enumerate(scaled)
    )
    theirs = functional.grid_sample(maps, torch.stack((x, y, t), -1), align_corners=True)
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_pixels_between_pixels_are_those_of_the_same_interpolation() -> None:
    videos = clips(2)
    start = torch.tensor([[[0.3, 2.7, 1.0]], [[4.0, 16.0, 15.5]]])
    ours = between_pixels(videos, start, SHAPE.cube)[:, 0]
    theirs = between_cells(videos, start[:, 0], SHAPE.cube)
    assert torch.allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize("kind", ["deep-features", "glance-map", "pixels"])
def test_the_gradient_of_a_place_is_that_of_finite_differences(kind: str) -> None:
    net = network().double()
    net.reader.requires_grad_(False)
    place = way(kind, net).double()
    videos, labels = clips().double(), torch.tensor([0, 1, 2])
    maps = net.reader.glance(videos)
    share = torch.tensor([[0.31, 0.52, 0.43], [0.63, 0.27, 0.71]]).double().repeat(3, 1, 1)
    share.requires_grad_(True)

    def loss(at: Tensor) -> Tensor:
        class Fixed(torch.nn.Module):
            kind = "heatmap"

            def forward(self, maps: Tensor) -> Tensor:
                return at

        net.locator = Fixed()  # type: ignore[assignment]
        glimpsed = net.reader.glimpsed(maps)
        looked, own = place(net, videos, maps, glimpsed, labels)
        if kind == "glance-map":
            return own  # type: ignore[no-any-return]
        answers = net.reader.answers(glimpsed, looked).flatten(0, 1)
        return functional.cross_entropy(answers, labels.repeat_interleave(3))

    (slope,) = torch.autograd.grad(loss(share), share)
    assert slope.abs().max() > 1e-9
    for i, k, axis in [(0, 0, 0), (1, 1, 1), (2, 0, 2)]:
        step = torch.zeros_like(share)
        step[i, k, axis] = 1e-6
        with torch.no_grad():
            rise = (loss(share + step) - loss(share - step)) / 2e-6
        assert float(slope[i, k, axis]) == pytest.approx(float(rise), rel=1e-3, abs=1e-9)


@pytest.mark.parametrize("kind", WAYS)
@pytest.mark.parametrize("head", ["heatmap", "sigmoid"])
def test_places_are_learned_through_the_interpolation_alone(kind: str, head: str) -> None:
    net = network(head).train()
    place = way(kind, net)
    videos, labels = clips(), torch.tensor([0, 1, 2])
    maps = net.reader.glance(videos)
    assert net.locator is not None
    looked, own = place(net, videos, maps.detach(), net.reader.glimpsed(maps).detach(), labels)
    params = list(net.locator.parameters())
    through_looks = torch.autograd.grad(looked.sum(), params, retain_graph=True, allow_unused=True)
    crops_teach = kind in ("deep-features", "pixels")
    if crops_teach:
        assert any(g is not None and g.abs().max() > 0 for g in through_looks)
    else:
        assert all(g is None or g.abs().max() == 0 for g in through_looks)
        taught = torch.autograd.grad(own, params, retain_graph=True, allow_unused=True)
        assert any(g is not None and g.abs().max() > 0 for g in taught)
        reader = torch.autograd.grad(
            own, list(net.reader.parameters()), allow_unused=True, retain_graph=True
        )
        assert all(g is None for g in reader)


def test_the_location_teaches_the_glance_nothing() -> None:
    net = network().train()
    videos, labels = clips(), torch.tensor([0, 1, 2])
    maps = net.reader.glance(videos).detach().requires_grad_(True)
    looked, _ = way("deep-features", net)(net, videos, maps.detach(), maps, labels)
    assert looked.requires_grad
    loss = total_loss(net, way("deep-features", net), videos, labels, torch.Generator())
    assert torch.isfinite(loss)
    assert maps.grad is None


def test_an_enlarged_crop_holds_the_cube_with_room_to_move() -> None:
    net = network()
    start = torch.rand(5, 2, 3) * torch.as_tensor(SHAPE.grid.free)
    large, origin, _ = enlarged(net, start)
    assert large == [6, 24, 24]
    assert (origin >= 0).all()
    assert (origin + torch.tensor(large) <= torch.tensor(SHAPE.volume)).all()
    inside = start - origin
    assert (inside >= 0).all()
    assert (inside + torch.tensor(SHAPE.cube) <= torch.tensor(large)).all()


@pytest.mark.parametrize("head", ["heatmap", "sigmoid"])
def test_every_cube_is_ranked_once(head: str) -> None:
    net = network(head)
    with torch.no_grad():
        order = net.ranked(net.reader.glance(clips()))
    assert order is not None
    assert (order.sort(1).values == torch.arange(27)).all()
    assert network("").ranked(torch.zeros(1)) is None


def test_the_surest_map_goes_first() -> None:
    net = network("heatmap")
    assert net.locator is not None
    mass = torch.full((1, 2, 27), 0.01)
    mass[0, 0, 4], mass[0, 1, 4], mass[0, 1, 9] = 0.5, 0.8, 0.7
    net.locator.of_cubes = lambda maps: mass  # type: ignore[method-assign]
    order = net.ranked(torch.zeros(1))
    assert order is not None
    assert order[0, 0] == 4  # of the second map
    mass[0, 0, 11] = 0.3
    order = net.ranked(torch.zeros(1))
    assert order is not None
    assert order[0, :2].tolist() == [4, 11]  # the first map's best of those not seen


def test_a_point_takes_the_nearest_cube_first() -> None:
    net = network("sigmoid")
    assert net.locator is not None
    fractions = torch.as_tensor(SHAPE.grid.fractions, dtype=torch.float32)
    net.locator.forward = lambda maps: fractions[[5, 20]][None]  # type: ignore[method-assign]
    order = net.ranked(torch.zeros(1))
    assert order is not None
    assert order[0, :2].tolist() == [5, 20]


def test_multiply_adds_are_counted_from_the_networks() -> None:
    size = (8, 32, 32)
    with_policy, without = count(network(), size), count(network(""), size)
    frames, side = 8, 8
    glance = frames * (side**2 * 9 * 8 + (side // 2) ** 2 * 8 * 9 * 16)
    mixed = frames * (side // 2) ** 2 * 3 * 16 * 16
    answer = 16 * 48 + 48 * 3
    assert without[0] == glance + mixed + answer
    look = 4 * (8**2 * 9 * 12 + 4**2 * 9 * 12 * 24 + 4**2 * 9 * 24 * 32) + 32 * 48 + 48 * 3
    assert np.diff(without).tolist() == [look, look]
    assert np.diff(with_policy).tolist() == [look, look]
    assert with_policy[0] > without[0]


def test_unknown_ways_are_told() -> None:
    with pytest.raises(UserError, match="way to learn places"):
        way("magic", network())
