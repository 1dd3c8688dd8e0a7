"""Small graphs for the tests of exported networks, valid and otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason='needs pip install "leapbench[onnx]"')
pytest.importorskip("onnxruntime", reason='needs pip install "leapbench[onnx]"')

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from leapbench.graphs.check import read  # noqa: E402
from leapbench.graphs.count import count  # noqa: E402

IMAGE = (3, 8, 8)
Node = tuple[str, str, str] | tuple[str, str, str, Mapping[str, Any]]

# Two exits: a convolution and a head each. Names: w/v filters, p/q pooled, m/n heads.
NODES: tuple[Node, ...] = (
    ("Conv", "x w", "a", {"pads": [1, 1, 1, 1]}),
    ("Relu", "a", "b"),
    ("GlobalAveragePool", "b", "p"),
    ("Flatten", "p", "pf"),
    ("Gemm", "pf m", "one"),
    ("Conv", "b v", "c", {"strides": [2, 2], "pads": [1, 1, 1, 1]}),
    ("GlobalAveragePool", "c", "q"),
    ("Flatten", "q", "qf"),
    ("Gemm", "qf n", "two"),
)
COSTS = [
    3 * 9 * 4 * 64 + 4 * 5,
    3 * 9 * 4 * 64 + 4 * 5 + 4 * 9 * 6 * 16 + 6 * 5,
]


def ones(*shape: int) -> np.ndarray:
    """Float32 ones."""
    return np.ones(shape, np.float32)


CONSTANTS = {"w": ones(4, 3, 3, 3), "v": ones(6, 4, 3, 3), "m": ones(4, 5), "n": ones(6, 5)}


def model(
    nodes: Sequence[Any] = NODES,
    outputs: Sequence[str] = ("one", "two"),
    image: tuple[Any, ...] = (1, *IMAGE),
    opset: int = 18,
    kind: int = TensorProto.FLOAT,
    **constants: Any,
) -> Any:
    """A model of nodes (operator, inputs, outputs, attributes), names joined by spaces.

    Args:
        nodes: in file order; NodeProto objects are taken as they are.
        outputs: names of the exits.
        image: shape of the input `x`; text for a symbolic axis.
        opset: version of the operators.
        kind: element type of the input.
        constants: initializers, arrays or TensorProto objects, beside `CONSTANTS`.
    """
    stored = [
        numpy_helper.from_array(value, name) if isinstance(value, np.ndarray) else value
        for name, value in (CONSTANTS | constants).items()
        if value is not None
    ]
    graph = helper.make_graph(
        [node if hasattr(node, "op_type") else made(*node) for node in nodes],
        "g",
        [helper.make_tensor_value_info("x", kind, image)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", "k"]) for name in outputs],
        stored,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def made(operator: str, inputs: str, outputs: str, attributes: Mapping[str, Any] = {}) -> Any:
    """One node; "-" stands for an input that is left out."""
    names = [name.replace("-", "") for name in inputs.split()]
    return helper.make_node(operator, names, outputs.split(), **attributes)


def between(*extra: Any, reads: str = "b2", **constants: Any) -> Any:
    """The small model with nodes put between its first activation and the rest.

    Args:
        extra: nodes that read `b`.
        reads: what the rest reads instead of `b`.
        constants: as for `model`.
    """
    rest = [
        (n[0], " ".join(reads if i == "b" else i for i in n[1].split()), *n[2:]) for n in NODES[2:]
    ]
    return model((*NODES[:2], *extra, *rest), **constants)


def counted(graph: Any) -> list[int]:
    """Multiply-adds of every exit, found in this process."""
    return count(read(graph.SerializeToString()))
