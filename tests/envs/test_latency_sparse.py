"""Block-sparse execution gives what computing everything and masking the branch gives."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from residual import BasicBlock, Bottleneck, ResNet, trained
from torch import Tensor, nn
from torch.nn import functional

from leapbench.envs.latency.costs import PLANS
from leapbench.envs.latency.device import device
from leapbench.envs.latency.dynamic import Shape, build
from leapbench.envs.latency.sparse import basic, bottleneck, kernels
from leapbench.envs.latency.sparse.network import SpatiallyDynamic
from leapbench.envs.latency.sparse.places import Grid
from leapbench.errors import UserError

COSTS = device("cpu-zen5").costs
EXACT = 1e-4
BLOCKS = {Bottleneck: (bottleneck.Bottleneck, PLANS), BasicBlock: (basic.Basic, PLANS[:2])}


@pytest.fixture(params=[True, False], ids=["onednn", "plain"])
def layers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param and not kernels.fused():
        pytest.skip("this build of PyTorch has no oneDNN")
    monkeypatch.setattr(kernels, "fused", lambda: request.param)


def rows_of(maps: Tensor) -> Tensor:
    return maps.permute(0, 2, 3, 1).reshape(-1, maps.shape[1]).contiguous()


@torch.inference_mode()
def compare(
    kind: type[Bottleneck],
    batch: int,
    cells: tuple[int, int],
    granularity: int,
    stride: int,
    groups: int,
    rate: float,
    seed: int,
) -> None:
    torch.manual_seed(seed)
    inputs = 4 * kind.expansion if seed % 2 else 8
    made = trained(kind(inputs, 4, stride, groups))
    execution, plans = BLOCKS[kind]
    run = execution(made)
    size = (cells[0] * granularity * stride, cells[1] * granularity * stride)
    x = torch.randn(batch, inputs, *size).relu()
    grid = Grid(batch, size, run.outgoing(size), granularity)
    mask = torch.rand(batch, 1, *cells) < rate
    expected = rows_of(made(x, functional.interpolate(mask.float(), scale_factor=granularity)))
    rows, active = rows_of(x), mask.flatten().nonzero().squeeze(1)
    assert (run.whole(rows, grid, mask.flatten()) - expected).abs().max() < EXACT
    for plan in plans:
        found = run.sparse(rows.clone(), grid, active, plan)
        assert (found - expected).abs().max() < EXACT, plan


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    kind=st.sampled_from([Bottleneck, BasicBlock]),
    batch=st.integers(1, 3),
    cells=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    granularity=st.sampled_from([1, 2, 3, 4, 7, 8]),
    stride=st.integers(1, 2),
    groups=st.sampled_from([1, 2]),
    rate=st.sampled_from([0.0, 0.2, 0.6, 1.0]),
    seed=st.integers(0, 99),
)
def test_every_plan_of_every_shape(**given: object) -> None:
    compare(**given)


@pytest.mark.usefixtures("layers")
@pytest.mark.parametrize("granularity", [1, 2, 4, 8])
@pytest.mark.parametrize("kind", [Bottleneck, BasicBlock])
def test_with_and_without_fused_layers(kind: type[Bottleneck], granularity: int) -> None:
    for seed, stride in enumerate((1, 1, 2, 2)):
        compare(kind, 2, (3, 2), granularity, stride, 1, 0.4, seed)


@pytest.mark.parametrize("kind", [Bottleneck, BasicBlock])
def test_a_trained_network_becomes_dynamic(kind: type[Bottleneck]) -> None:
    torch.manual_seed(0)
    network = trained(ResNet(kind, (1, 2, 2, 1)))
    dynamic = SpatiallyDynamic(network, (4, 2, 2, 1), costs=COSTS)
    images = torch.randn(3, 3, 128, 128)
    with torch.inference_mode():
        assert torch.allclose(dynamic.static(images), network(images), atol=EXACT)
    sides = (8, 8, 8, 4, 4, 4)
    for rate in (0.0, 0.3, 1.0):
        masks = [torch.rand(3, 1, side, side) < rate for side in sides]
        dense = dynamic.dense(images, masks)
        assert (dense - dynamic.sparse(images, masks)).abs().max() < EXACT
        same = torch.allclose(dense, dynamic.static(images), atol=EXACT)
        assert same == (rate == 1.0)


def test_maskers_decide_as_in_the_network_that_was_trained() -> None:
    shape = Shape((1, 32, 32), 5, 8, (16, 32), (1, 2), (4, 2))
    network = trained(build(shape, 0))
    for block in network.blocks:
        nn.init.normal_(block.masker.weight)
    dynamic = SpatiallyDynamic(network, shape.granularity, costs=COSTS)
    images = torch.randn(4, 1, 32, 32)
    masks, x = [], network.stem(images)
    for block in network.blocks:
        scores = block.scores(x)
        masks.append((scores[:, 0] >= scores[:, 1])[:, None])
        x = block(x, masks[-1])
    expected = network.head(x)
    assert 0 < sum(float(mask.float().mean()) for mask in masks) < len(masks)
    for found, mask in zip(dynamic.masks(images), masks, strict=True):
        assert torch.equal(found, mask)
    assert (dynamic.dense(images) - expected).abs().max() < EXACT
    assert (dynamic.sparse(images) - expected).abs().max() < EXACT


def test_what_cannot_be_made_dynamic() -> None:
    torch.manual_seed(0)
    network = trained(ResNet(Bottleneck, (1, 1)))
    images = torch.randn(1, 3, 64, 64)
    dynamic = SpatiallyDynamic(network, (4, 4), costs=COSTS)
    with pytest.raises(UserError, match="Block 0 has no masker"):
        dynamic.sparse(images)
    with pytest.raises(UserError, match=r"mask of block 0 is \(1, 2, 2\), expected \(1, 4, 4\)"):
        dynamic.sparse(images, [torch.ones(1, 2, 2), None])
    with pytest.raises(UserError, match="must divide the sides of its map"):
        SpatiallyDynamic(network, (3, 4), costs=COSTS).sparse(images)
    with pytest.raises(UserError, match="2 stages need as many granularities"):
        SpatiallyDynamic(network, (4,), costs=COSTS)
    with pytest.raises(UserError, match="Call eval"):
        SpatiallyDynamic(network.train(), (4, 4), costs=COSTS)
    network.eval().relu = nn.Sigmoid()
    with pytest.raises(UserError, match="something else than a residual network"):
        SpatiallyDynamic(network, (4, 4), costs=COSTS)
    network.layer1[0].conv2.padding = (0, 0)
    with pytest.raises(UserError, match="does not keep its map's size"):
        SpatiallyDynamic(network, (4, 4), costs=COSTS)
    with pytest.raises(UserError, match=r"neither `layer1`, .* nor `blocks`"):
        SpatiallyDynamic(nn.Linear(2, 2).eval(), (4,), costs=COSTS)
