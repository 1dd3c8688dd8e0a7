"""The networks of the paper: counts as published, weights in torchvision's layout, excitation."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from leapbench.agents.latency.common import losses
from leapbench.contract import registry
from leapbench.envs.latency.dynamic import DynamicNetwork, Shape, build
from leapbench.envs.latency.networks import NETWORKS
from leapbench.envs.latency.sparse.network import SpatiallyDynamic
from leapbench.envs.latency.weights import take_over_weights
from leapbench.envs.residual import RESNET50, RESNET101, ResNet
from leapbench.errors import UserError
from leapbench.macs import count

PUBLISHED = {
    # task: network, parameters and G multiply-adds as torchvision's documentation gives them
    "imagenet": ("resnet101", 44_549_160, 7.801),
    "imagenet-resnet50": ("resnet50", 25_557_032, 4.089),
    "imagenet-regnety-400mf": ("regnety-400mf", 4_344_144, 0.402),
    "imagenet-regnety-800mf": ("regnety-800mf", 6_432_512, 0.834),
}


def shape_of(task: str, **changed: object) -> Shape:
    networks = registry.task(f"latency/{task}").protocols["paper"].settings["networks"]
    return Shape(**networks["full"] | changed)


class Counted(nn.Module):
    """As the suite's counter wants it."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> list[Tensor]:
        return [self.network(x)]


@pytest.mark.parametrize("task", PUBLISHED)
def test_parameters_and_multiply_adds_are_those_published(task: str) -> None:
    name, parameters, giga = PUBLISHED[task]
    shape = shape_of(task)
    with torch.device("meta"):
        network = DynamicNetwork(shape)
    own = [p.numel() for key, p in network.named_parameters() if ".masker." not in key]
    assert sum(own) == parameters
    assert count(Counted(network), shape.image)[0] / 1e9 == pytest.approx(giga, rel=2e-3)
    assert shape.blocks == tuple(NETWORKS[name].blocks())


@pytest.mark.parametrize("task", PUBLISHED)
def test_the_loss_counts_what_the_network_computes(task: str) -> None:
    """With every cell kept only the maskers, the pools and an excitation's product are apart."""
    shape = shape_of(task)
    with torch.device("meta"):
        network = DynamicNetwork(shape)
        counted = count(Counted(network), shape.image)[0]
    network = network.to_empty(device="cpu")
    masks = [torch.ones(1, 1, cells, cells) for cells in shape.cells]
    total, each = losses.shares(network, masks)
    maskers = sum(4 * b.inputs * c**2 for b, c in zip(shape.blocks, shape.cells, strict=True))
    assert float(total) == pytest.approx(1 + maskers / counted, rel=5e-3)
    assert each.tolist() == pytest.approx([1.0] * len(each), rel=1e-6)


@torch.inference_mode()
def statistics(network: nn.Module) -> nn.Module:
    """Norms and maskers as a training leaves them."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)  # type: ignore[union-attr]
            module.running_var.uniform_(0.5, 1.5)  # type: ignore[union-attr]
            module.weight.uniform_(0.2, 0.6)
            module.bias.normal_(0, 0.1)
    return network.eval()


@pytest.mark.parametrize(
    ("task", "depths"), [("imagenet-resnet50", RESNET50), ("imagenet", RESNET101)]
)
def test_weights_of_a_resnet_fit_by_their_names(
    task: str, depths: tuple[int, ...], tmp_path: Path
) -> None:
    torch.manual_seed(0)
    theirs = statistics(ResNet(depths, classes=7))
    weights = {k: v for k, v in theirs.state_dict().items() if "num_batches" not in k}
    save_file(weights, tmp_path / "weights.safetensors")
    shape = shape_of(task, image=[3, 64, 64], classes=7, granularity=[4, 4, 2, 1])
    network = take_over_weights(build(shape, 1), tmp_path / "weights.safetensors").eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        assert torch.allclose(network(images), theirs(images), rtol=1e-3, atol=1e-4)
    other = build(shape_of("imagenet-regnety-800mf", classes=7), 0)
    with pytest.raises(UserError, match="holds no weights of a network of 14 blocks"):
        take_over_weights(other, tmp_path / "weights.safetensors")
    with pytest.raises(UserError, match="holds no weights"):
        take_over_weights(network, tmp_path / "nowhere.safetensors")


def unit(inputs: int, outputs: int, kernel: int, stride: int, groups: int, relu: bool) -> nn.Module:
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    layers = [conv, nn.BatchNorm2d(outputs), *([nn.ReLU()] if relu else [])]
    return nn.Sequential(*layers)


class Squeezed(nn.Module):
    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1, self.fc2 = nn.Conv2d(channels, hidden, 1), nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        scale = self.fc2(self.fc1(self.avgpool(x)).relu()).sigmoid()
        return scale * x  # type: ignore[no-any-return]


class RegNetBlock(nn.Module):
    """With the names of torchvision's `ResBottleneckBlock`."""

    def __init__(self, inputs: int, width: int, stride: int, group: int) -> None:
        super().__init__()
        self.proj = None
        if inputs != width or stride > 1:
            self.proj = unit(inputs, width, 1, stride, 1, False)
        parts = OrderedDict(
            a=unit(inputs, width, 1, 1, 1, True),
            b=unit(width, width, 3, stride, width // group, True),
            se=Squeezed(width, round(0.25 * inputs)),
            c=unit(width, width, 1, 1, 1, False),
        )
        self.f = nn.Sequential(parts)

    def forward(self, x: Tensor) -> Tensor:
        return ((x if self.proj is None else self.proj(x)) + self.f(x)).relu()


def regnet(shape: Shape) -> nn.Module:
    """With the names of torchvision's `RegNet`."""
    stages: OrderedDict[str, nn.Module] = OrderedDict()
    inputs = shape.stem
    for stage, (width, depth) in enumerate(zip(shape.channels, shape.depths, strict=True), 1):
        blocks: OrderedDict[str, nn.Module] = OrderedDict()
        for place in range(depth):
            stride = 1 if place else 2
            blocks[f"block{stage}-{place}"] = RegNetBlock(inputs, width, stride, shape.group_width)
            inputs = width
        stages[f"block{stage}"] = nn.Sequential(blocks)
    parts = OrderedDict(
        stem=unit(3, shape.stem, 3, 2, 1, True),
        trunk_output=nn.Sequential(stages),
        pool=nn.AdaptiveAvgPool2d(1),
        flat=nn.Flatten(),
        fc=nn.Linear(inputs, shape.classes),
    )
    return nn.Sequential(parts)


@pytest.mark.parametrize("task", ["imagenet-regnety-400mf", "imagenet-regnety-800mf"])
def test_a_regnet_is_that_of_its_layout_and_runs_sparsely(task: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    shape = shape_of(task, image=[3, 64, 64], classes=5, granularity=[4, 4, 2, 1])
    theirs = statistics(regnet(shape))
    save_file(theirs.state_dict(), tmp_path / "regnet.safetensors")
    network = take_over_weights(build(shape, 1), tmp_path / "regnet.safetensors").eval()
    images = torch.randn(3, 3, 64, 64)
    with torch.inference_mode():
        assert torch.allclose(network(images), theirs(images), rtol=1e-3, atol=1e-4)
    dynamic = SpatiallyDynamic(network, shape.granularity)
    masks = [(torch.rand(3, 1, cells, cells) < 0.4) for cells in shape.cells]
    with torch.inference_mode():
        expected = network(images, [mask.float() for mask in masks])
    assert torch.allclose(dynamic.sparse(images, masks), expected, rtol=1e-3, atol=1e-4)
    assert torch.allclose(dynamic.dense(images, masks), expected, rtol=1e-3, atol=1e-4)


def test_a_published_resnet_becomes_dynamic_by_the_library_call() -> None:
    torch.manual_seed(0)
    network = statistics(ResNet(RESNET50, classes=5))
    dynamic = SpatiallyDynamic(network, (4, 4, 2, 1))
    images = torch.randn(1, 3, 64, 64)
    sides = [side for side, n in zip((4, 2, 2, 2), RESNET50, strict=True) for _ in range(n)]
    masks = [torch.rand(1, 1, side, side) < 0.4 for side in sides]
    assert torch.allclose(
        dynamic.sparse(images, masks), dynamic.dense(images, masks), rtol=1e-3, atol=1e-4
    )
