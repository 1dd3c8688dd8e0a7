"""A product of a vector of 192 values and a matrix of 192 x 40, hidden in other operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from graph_files import COSTS, between, counted, made, model, numpy_helper, ones

D, M = 192, 40
FLAT = made("Flatten", "x", "f")
MATRIX = ones(M, D)
AXIS = np.array([1], np.int64)


def norm(reads: str, makes: str) -> Any:
    return made("BatchNormalization", f"{reads} bs bb bm bv", makes)


def of(size: int) -> dict[str, np.ndarray]:
    return {name: ones(size) for name in ("bs", "bb", "bm", "bv")}


def hidden(*nodes: Any, **constants: Any) -> Any:
    """Two exits that read `t` (1, 40), which `nodes` make from `f` (1, 192)."""
    rest = (
        made("Reshape", "t back", "u1"),
        made("Gemm", "u1 h", "one"),
        made("Gemm", "one g", "two"),
    )
    shape = np.array([1, M], np.int64)
    constants |= {"back": shape, "h": ones(M, 5), "g": ones(5, 5), "axis": AXIS, "k": MATRIX}
    return model((FLAT, *nodes, *rest), **constants)


TILED = (made("Expand", "f shape", "e0"), made("Reshape", "e0 long", "e"))
TILES = {
    "shape": np.array([M, D], np.int64),
    "long": np.array([1, M * D, 1, 1], np.int64),
    "square": np.array([M, D], np.int64),
}
SUMMED = (made("Reshape", "y square", "y2"), made("ReduceSum", "y2 axis", "t"))

TRICKS: dict[str, Callable[[], Any]] = {
    "products and a sum": lambda: hidden(made("Mul", "f k", "y"), made("ReduceSum", "y axis", "t")),
    "quotients and a sum": lambda: hidden(
        made("Div", "f k", "y"), made("ReduceSum", "y axis", "t")
    ),
    "products of equal shapes": lambda: hidden(
        made("Expand", "f shape", "e"),
        made("Mul", "e k", "y"),
        made("ReduceMean", "y axis", "t"),
        **TILES,
    ),
    "a batch normalisation as scale": lambda: hidden(
        *TILED, norm("e", "y"), *SUMMED, **of(M * D), **TILES
    ),
    "one convolution, many normalisations": lambda: hidden(
        made("Reshape", "f row", "fr"),
        made("Conv", "fr i", "fc", {"group": D}),
        *(norm("fc", f"n{i}") for i in range(M)),
        made("Concat", " ".join(f"n{i}" for i in range(M)), "y", {"axis": 0}),
        *SUMMED,
        i=ones(D, 1, 1, 1),
        row=np.array([1, D, 1, 1], np.int64),
        **of(D),
        **TILES,
    ),
    "an instance normalisation as scale": lambda: hidden(
        *TILED,
        made("InstanceNormalization", "e s t1", "y"),
        *SUMMED,
        s=ones(M * D),
        t1=ones(M * D),
        **TILES,
    ),
    "a layer normalisation as scale": lambda: hidden(
        made("Expand", "f shape", "e"),
        made("LayerNormalization", "e k", "y", {"axis": 0}),
        made("ReduceSum", "y axis", "t"),
        **TILES,
    ),
    "slopes of negative values": lambda: hidden(
        made("Expand", "f shape", "e"),
        made("PRelu", "e k", "y"),
        made("ReduceSum", "y axis", "t"),
        **TILES,
    ),
    "squares of sums": lambda: hidden(
        made("Add", "f k", "s"),
        made("Pow", "s two_", "y"),
        made("ReduceSum", "y axis", "t"),
        two_=np.array(2, np.float32),
    ),
    "distances": lambda: hidden(
        made("Sub", "f k", "d"), made("Abs", "d", "y"), made("ReduceSum", "y axis", "t")
    ),
    "largest sums": lambda: hidden(made("Add", "f k", "y"), made("ReduceMax", "y axis", "t")),
    "activations of sums": lambda: hidden(
        made("Add", "f k", "s"), made("Softplus", "s", "y"), made("ReduceSum", "y axis", "t")
    ),
    "a pool as sum": lambda: hidden(
        made("Sub", "f k", "d"),
        made("Abs", "d", "y"),
        made("Unsqueeze", "y lead", "y2"),
        made("Unsqueeze", "y2 lead", "y3"),
        made("AveragePool", "y3", "t", {"kernel_shape": [1, D]}),
        lead=np.array([0], np.int64),
    ),
    "a transposed convolution": lambda: hidden(
        made("Reshape", "f row", "fr"),
        made("ConvTranspose", "fr kt", "t"),
        row=np.array([1, D, 1, 1], np.int64),
        kt=ones(D, M, 1, 1),
    ),
    "weights that are an input": lambda: hidden(
        made("Transpose", "f", "ft", {"perm": [1, 0]}),
        made("Mul", "ft kt", "w1"),
        made("MatMul", "f w1", "t"),
        kt=ones(D, M),
    ),
    "no terms and a scaled third input": lambda: hidden(
        made("Expand", "f shape", "e"),
        made("Gemm", "none1 none2 e", "y", {"beta": 0.5}),
        made("ReduceSum", "y axis", "t"),
        none1=ones(M, 0),
        none2=ones(0, D),
        **TILES,
    ),
}


@pytest.mark.parametrize("trick", TRICKS)
def test_a_hidden_product_costs_no_less_than_an_open_one(trick: str) -> None:
    honest = counted(hidden(made("MatMul", "f kt", "t"), kt=ones(D, M)))
    assert honest == [D * M + M * 5, D * M + M * 5 + 5 * 5]
    costs = counted(TRICKS[trick]())
    assert costs[0] >= honest[0]


def test_a_depthwise_convolution_by_shifts_costs_no_less() -> None:
    nodes, terms = [], []
    for i in range(9):
        row, column = divmod(i, 3)
        pads = np.array([0, 0, row, column, 0, 0, 2 - row, 2 - column], np.int64)
        nodes += [
            made("Constant", "", f"pads{i}", {"value": numpy_helper.from_array(pads)}),
            made("Pad", f"b pads{i}", f"shift{i}"),
            made("Mul", f"shift{i} scale", f"term{i}"),
        ]
        terms.append(f"term{i}")
    nodes.append(made("Sum", " ".join(terms), "b2"))
    graph = between(*nodes, scale=ones(1, 4, 1, 1), v=ones(6, 4, 5, 5))
    assert counted(graph)[0] >= COSTS[0] + 9 * 4 * 64
