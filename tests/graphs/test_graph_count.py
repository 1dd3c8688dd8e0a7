"""The count of a graph against the counter of modules, hand formulas, and evasions."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from graph_files import COSTS, IMAGE, NODES, between, counted, made, model, ones
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from leapbench import macs
from leapbench.agents.earlyexit.common import networks
from leapbench.agents.earlyexit.msdnet import network as msdnet
from leapbench.agents.earlyexit.ranet import network as ranet
from leapbench.contract import registry
from leapbench.errors import UserError
from leapbench.graphs.check import read
from leapbench.graphs.count import count
from leapbench.graphs.export import export

DIGITS = registry.task("earlyexit/digits").protocols["smoke"].settings["networks"]
FASHION = registry.task("earlyexit/fashion-mnist").protocols["smoke"].settings["networks"]


def built(shape: dict[str, Any], kind: str) -> Callable[[], nn.Module]:
    return lambda: networks.build(kind, shape, 0)


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, int, int]]] = {
    **{f"digits {k}": (built(DIGITS[k], k), tuple(DIGITS[k]["image"])) for k in DIGITS},
    **{f"fashion {k}": (built(FASHION[k], k), tuple(FASHION[k]["image"])) for k in FASHION},
    "msdnet cifar100 lin_grow 5": (lambda: msdnet.MSDNet(msdnet.cifar(100, 5)), (3, 32, 32)),
    "ranet cifar100 lg": (lambda: ranet.RANet(ranet.cifar(100)), (3, 32, 32)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_exported_networks_cost_what_their_modules_cost(name: str, tmp_path: Path) -> None:
    make, image = NETWORKS[name]
    network = make().train()
    facts = export(network, image, tmp_path / "network.onnx")
    assert list(facts.multiply_adds) == macs.count(network, image)
    assert facts.image == image
    assert network.training


class Random(nn.Module):
    """Two exits behind layers that Hypothesis chooses."""

    def __init__(self, layers: list[tuple[int, int, int, int, bool]]) -> None:
        super().__init__()
        self.body, width = nn.ModuleList(), 4
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        for groups, kernel, stride, dilation, normalised in layers:
            pads = dilation * (kernel // 2)
            conv = nn.Conv2d(width, width, kernel, stride, pads, dilation, groups)
            norm = nn.BatchNorm2d(width) if normalised else nn.Identity()
            self.body.append(nn.Sequential(conv, norm, nn.ReLU()))
        self.heads = nn.ModuleList(nn.Linear(width, 5) for _ in range(2))

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.stem(x)
        first = self.heads[0](x.mean((2, 3)))
        for layer in self.body:
            x = layer(x)
        return [first, self.heads[1](torch.amax(x, (2, 3)))]


LAYER = st.tuples(
    st.sampled_from([1, 2, 4]),
    st.sampled_from([1, 3]),
    st.integers(1, 2),
    st.integers(1, 2),
    st.booleans(),
)


@given(layers=st.lists(LAYER, min_size=1, max_size=4), fold=st.booleans())
@settings(max_examples=25)
def test_random_networks_cost_what_their_modules_cost(
    layers: list[Any], fold: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    network, path = Random(layers).eval(), tmp_path_factory.mktemp("random") / "n.onnx"
    mode = torch.onnx.TrainingMode.EVAL if fold else torch.onnx.TrainingMode.PRESERVE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network, (torch.zeros(1, *IMAGE),), path, dynamo=False, opset_version=17, training=mode
        )
    assert count(read(path.read_bytes())) == macs.count(network, IMAGE)


@given(
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    pads=st.tuples(*[st.integers(0, 2)] * 4),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    groups=st.sampled_from([1, 2, 4]),
    width=st.sampled_from([4, 8]),
    scaled=st.booleans(),
)
def test_one_more_layer_costs_what_the_formula_says(
    kernel: tuple[int, int],
    stride: tuple[int, int],
    pads: tuple[int, int, int, int],
    dilation: tuple[int, int],
    groups: int,
    width: int,
    scaled: bool,
) -> None:
    sizes = [
        (8 + pads[i] + pads[i + 2] - dilation[i] * (kernel[i] - 1) - 1) // stride[i] + 1
        for i in range(2)
    ]
    if min(sizes) < 1:
        return
    layer = made(
        "Conv",
        "b k",
        "b1",
        {"strides": stride, "pads": pads, "dilations": dilation, "group": groups},
    )
    last = made("Mul", "b1 b1", "b2") if scaled else made("Relu", "b1", "b2")
    values = width * sizes[0] * sizes[1]
    graph = between(
        layer,
        last,
        k=ones(width, 4 // groups, *kernel),
        v=ones(6, width, 3, 3),
        m=ones(width, 5),
    )
    first = 3 * 9 * 4 * 64 + values * (4 // groups) * kernel[0] * kernel[1] + values * scaled
    half = [(size - 1) // 2 + 1 for size in sizes]
    second = width * 9 * 6 * half[0] * half[1] + 6 * 5
    assert counted(graph) == [first + width * 5, first + width * 5 + second]


@pytest.mark.parametrize("batch", [1, "batch", None])
def test_a_symbolic_batch_is_one_image(batch: Any) -> None:
    assert counted(model(image=(batch, *IMAGE))) == COSTS


def test_transposed_convolutions_count_what_their_inputs_are_multiplied_by() -> None:
    graph = between(made("ConvTranspose", "b k", "b2", {"strides": [2, 2]}), k=ones(4, 4, 2, 2))
    assert counted(graph)[0] == COSTS[0] + 4 * 64 * 4 * 4


# --- what is run is what is counted


def test_the_order_of_the_file_decides_what_an_exit_is_charged() -> None:
    assert counted(model()) == COSTS
    early = (*NODES[:2], NODES[5], *NODES[2:5], *NODES[6:])
    assert counted(model(early)) == [COSTS[1] - 6 * 5, COSTS[1]]
    with pytest.raises(UserError, match="not in the order of their computation"):
        counted(model(outputs=("two", "one")))


def test_nodes_that_no_exit_needs_are_neither_run_nor_charged() -> None:
    dead = made("Conv", "b v", "nothing")
    graph = read(model((*NODES[:5], dead, *NODES[5:])).SerializeToString())
    assert count(graph) == COSTS
    assert "nothing" not in {name for node in graph.model.graph.node for name in node.output}


def test_equal_nodes_and_constant_products_count_each() -> None:
    twice = between(made("Conv", "x w", "a2", {"pads": [1] * 4}), made("Add", "b a2", "b2"))
    assert counted(twice)[0] == COSTS[0] + 3 * 9 * 4 * 64
    constant = model(
        (*NODES[:4], made("MatMul", "e m", "em"), made("Gemm", "pf em", "one"), *NODES[5:]),
        e=ones(4, 4),
    )
    assert counted(constant)[0] == COSTS[0] + 4 * 4 * 5


def test_exits_that_cost_nothing_more_are_told() -> None:
    same = (*NODES, made("Identity", "two", "three"))
    with pytest.raises(UserError, match="which must rise"):
        counted(model(same, outputs=("one", "two", "three")))


def norm(reads: str, makes: str, size: int = 4, of: str = "s t u r") -> Any:
    return made("BatchNormalization", f"{reads} {of}", makes)


def of(size: int) -> dict[str, np.ndarray]:
    return {name: ones(size) for name in "stur"}


def test_a_batch_normalisation_is_free_where_a_convolution_absorbs_it() -> None:
    behind = (NODES[0], norm("a", "a2"), ("Relu", "a2", "b"), *NODES[2:])
    assert counted(model(behind, **of(4))) == COSTS
    elsewhere = between(norm("b", "b2"), **of(4))
    assert counted(elsewhere)[0] == COSTS[0] + 4 * 64
    shared = (NODES[0], norm("a", "a2"), norm("a", "a3"), ("Add", "a2 a3", "b"), *NODES[2:])
    assert counted(model(shared, **of(4)))[0] == COSTS[0] + 2 * 4 * 64
    moving = between(
        made("GlobalAveragePool", "b", "g"),
        made("Flatten", "g", "gf"),
        made("Squeeze", "gf zero", "s"),
        made("Conv", "b k", "c1"),
        norm("c1", "b2"),
        zero=np.zeros(1, np.int64),
        k=ones(4, 4, 1, 1),
        **{k: ones(4) for k in "tur"},
    )
    assert counted(moving)[0] == COSTS[0] + 4 * 4 * 64 + 4 * 64


@given(extra=st.integers(1, 60))
@settings(max_examples=15)
def test_free_operations_are_free_up_to_a_half(extra: int) -> None:
    chain = [made("Relu", "b" if i == 0 else f"r{i}", f"r{i + 1}") for i in range(extra)]
    cost = counted(between(*chain, reads=f"r{extra}"))
    work = (extra + 1) * 4 * 64 + 4 * 64  # activations, and the pool before the first head
    assert cost[0] == COSTS[0] + max(0, work - COSTS[0] // 2)
    assert cost[0] < cost[1]
