"""Shapes, gradients and mistakes of the multi-exit networks."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from leapbench.agents.earlyexit.common.layers import Stem
from leapbench.agents.earlyexit.msdnet import network as msdnet
from leapbench.agents.earlyexit.ranet import network as ranet
from leapbench.errors import UserError

LITE = msdnet.MSDNetConfig(
    (1, 28, 28),
    10,
    (1, 1, 2, 2),
    channels=8,
    growth=8,
    growth_factors=(1, 2),
    bottleneck_factors=(1, 1),
    stem="conv2",
    head=32,
    head_convs=1,
)
SMALL_RANET = ranet.RANetConfig((3, 32, 32), 5, (1, 2, 3), (1, 2, 3), channels=4, growth=4)
CONFIGS: dict[str, msdnet.MSDNetConfig | ranet.RANetConfig] = {
    "lite": LITE,
    "small ranet": SMALL_RANET,
    **{f"msdnet cifar {k}": msdnet.cifar(100, k) for k in (5, 6, 7)},
    "msdnet cifar even": msdnet.cifar(10, 7, "even"),
    "msdnet imagenet": msdnet.imagenet(7),
    "ranet cifar lg": ranet.cifar(100, "lg"),
    "ranet cifar even": ranet.cifar(10, "even"),
}


def build(config: msdnet.MSDNetConfig | ranet.RANetConfig) -> nn.Module:
    if isinstance(config, msdnet.MSDNetConfig):
        return msdnet.MSDNet(config)
    return ranet.RANet(config)


def unreached(network: nn.Module, logits: list[Tensor]) -> list[str]:
    names, parameters = zip(*network.named_parameters(), strict=True)
    total = torch.stack([z.sum() for z in logits]).sum()
    gradients = torch.autograd.grad(total, parameters, allow_unused=True)
    return [name for name, gradient in zip(names, gradients, strict=True) if gradient is None]


@pytest.mark.parametrize("name", CONFIGS)
def test_every_exit_has_logits_and_every_parameter_a_gradient(name: str) -> None:
    config = CONFIGS[name]
    # The graph alone where the arithmetic would take long.
    with torch.device("meta" if "imagenet" in name else "cpu"):
        network = build(config)
        logits = network(torch.zeros(2, *config.image))
    assert [tuple(z.shape) for z in logits] == [(2, config.classes)] * len(config.steps)
    assert unreached(network, logits) == []


@given(steps=st.lists(st.integers(1, 3), min_size=1, max_size=4), scales=st.integers(1, 3))
@settings(max_examples=15, deadline=None)
def test_an_msdnet_is_refused_or_trains_every_parameter(steps: list[int], scales: int) -> None:
    factors = (1, 2, 4)[:scales]
    shape = {"growth_factors": factors, "bottleneck_factors": factors, "head": 8, "head_convs": 1}
    try:
        config = msdnet.MSDNetConfig((3, 16, 16), 3, tuple(steps), channels=4, growth=2, **shape)
    except UserError:
        # ceil(layers / scales) layers a scale: too few layers never reach the coarsest alone.
        assert sum(steps) <= -(-sum(steps) // scales) * (scales - 1)
        return
    network = msdnet.MSDNet(config)
    logits = network(torch.zeros(2, *config.image))
    assert unreached(network, logits) == []


@pytest.mark.parametrize("config", [LITE, SMALL_RANET], ids=["msdnet", "ranet"])
def test_an_exit_reads_no_head_and_no_block_after_it(config: msdnet.MSDNetConfig) -> None:
    torch.manual_seed(0)
    network = build(config).eval()
    images = torch.randn(2, *config.image)
    with torch.no_grad():
        before = network(images)
        for parameter in network.heads[-1].parameters():
            parameter.add_(1.0)
        after = network(images)
    assert all(torch.equal(a, b) for a, b in zip(before[:-1], after[:-1], strict=True))
    assert not torch.equal(before[-1], after[-1])


@pytest.mark.parametrize("config", [LITE, SMALL_RANET], ids=["msdnet", "ranet"])
def test_the_seed_decides_the_network_and_images_do_not_mix(config: msdnet.MSDNetConfig) -> None:
    images = torch.randn(3, *config.image, generator=torch.Generator().manual_seed(1))
    outputs = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        outputs.append(torch.stack(build(config).eval()(images)))
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.allclose(outputs[0], outputs[2])
    torch.manual_seed(0)
    alone = torch.stack(build(config).eval()(images[1:2]))
    torch.testing.assert_close(alone[:, 0], outputs[0][:, 1], rtol=1e-4, atol=1e-5)


def test_higher_sub_networks_of_ranet_read_the_lower_ones() -> None:
    torch.manual_seed(0)
    network = ranet.RANet(SMALL_RANET)
    logits = network(torch.randn(4, 3, 32, 32))
    lower = list(network.flows[0].parameters())
    gradients = torch.autograd.grad(logits[-1].square().sum(), lower, allow_unused=True)
    assert any(g is not None and bool(g.abs().sum() > 0) for g in gradients)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: msdnet.cifar(10, 7, "linear"), "lin_grow"),
        (lambda: ranet.cifar(10, "lin_grow"), "growth"),
        (lambda: Stem(3, 8, (1, 2), "conv3"), "Did you mean 'conv'"),
        (lambda: msdnet.MSDNetConfig((3, 32, 32), 10, (1, 1, 2)), "active scales"),
        (lambda: msdnet.MSDNetConfig((3, 32, 32), 10, (9,), growth_factors=(1, 2)), "equally long"),
        (lambda: ranet.RANetConfig((3, 32, 32), 10, (1,) * 4, (2, 4)), "equally long"),
        (lambda: ranet.RANetConfig((3, 32, 32), 10, (1,) * 4, (2, 4, 6)), "length of steps"),
        (lambda: ranet.RANetConfig((3, 32, 32), 10, (1,) * 2, (2, 2, 2)), "must rise"),
        (
            lambda: ranet.RANetConfig((3, 32, 32), 10, (1,) * 6, scales=(1, 3, 3)),
            "rise by 0 or 1",
        ),
    ],
)
def test_impossible_shapes_are_told_in_one_line(make: object, message: str) -> None:
    with pytest.raises(UserError, match=message):
        make()  # type: ignore[operator]
