"""Graphs that are not acceptable, each with a part of what must be told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from graph_files import (
    CONSTANTS,
    IMAGE,
    NODES,
    TensorProto,
    between,
    helper,
    made,
    model,
    numpy_helper,
    ones,
)


def changed(change: Callable[[Any], Any]) -> Any:
    """The small model after `change` was called with it."""
    graph = model()
    change(graph)
    return graph


def stored(name: str, **fields: Any) -> Any:
    """A tensor of ones with some fields of its message changed."""
    tensor = numpy_helper.from_array(CONSTANTS[name], name)
    for key, value in fields.items():
        if key == "dims":
            del tensor.dims[:]
            tensor.dims.extend(value)
        else:
            setattr(tensor, key, value)
    return tensor


def external(name: str) -> Any:
    tensor = stored(name, data_location=TensorProto.EXTERNAL, raw_data=b"")
    tensor.external_data.add(key="location", value="/etc/passwd")
    return tensor


def branch() -> Any:
    """A graph of one node, as loops and conditions hold them."""
    inside = [helper.make_tensor_value_info("i", TensorProto.FLOAT, ["n", "k"])]
    return helper.make_graph([made("Identity", "b", "i")], "inside", [], inside)


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


BIG = 2**62
BAD: dict[str, tuple[Callable[[], Any], str]] = {
    # operators
    "custom domain": (
        lambda: between(helper.make_node("Conv", ["b", "k"], ["b2"], domain="com.evil")),
        "operator 'com.evil.Conv' is not allowed. Allowed: Conv, ",
    ),
    "unknown operator": (lambda: between(made("Frobnicate", "b", "b2")), "'Frobnicate' is not all"),
    "einsum": (
        lambda: between(made("Einsum", "b b", "b2", {"equation": "nchw,nchw->nchw"})),
        "operator 'Einsum' is not allowed",
    ),
    "sum of squares": (lambda: between(made("ReduceSumSquare", "b", "b2")), "is not allowed"),
    "random": (lambda: between(made("RandomNormalLike", "b", "b2")), "is not allowed"),
    "condition": (
        lambda: between(made("If", "b", "b2", {"then_branch": branch(), "else_branch": branch()})),
        "operator 'If' is not allowed",
    ),
    "loop": (
        lambda: between(made("Loop", "many - b", "b2", {"body": branch()})),
        "operator 'Loop' is not allowed",
    ),
    "graph in an allowed operator": (
        lambda: between(made("Relu", "b", "b2", {"body": branch()})),
        "Relu has an attribute that is no number",
    ),
    "constant of shape": (
        lambda: between(made("ConstantOfShape", "huge", "z"), made("Add", "b z", "b2"),
                        huge=ints(10**9)),
        "operator 'ConstantOfShape' is not allowed",
    ),
    "text": (
        lambda: between(made("Constant", "", "z", {"value_string": "x"}), made("Relu", "b", "b2")),
        "is not float32",
    ),
    "training mode": (
        lambda: between(made("BatchNormalization", "b s s s s", "b2", {"training_mode": 1}),
                        s=ones(4)),
        "is in training mode",
    ),
    "second output": (
        lambda: between(made("MaxPool", "b", "b2 where", {"kernel_shape": [1, 1]})),
        "MaxPool has 2 outputs",
    ),
    "function": (lambda: changed(lambda m: m.functions.add(name="f")), "holds functions"),
    # looking things up by what the image says
    "integers of the image": (
        lambda: between(made("Cast", "b", "i", {"to": TensorProto.INT64}),
                        made("Gather", "table i", "b2"), table=ones(1000)),
        "'i' is not float32",
    ),
    "wider floats": (
        lambda: between(made("Cast", "b", "d", {"to": TensorProto.DOUBLE}),
                        made("Cast", "d", "b2", {"to": TensorProto.FLOAT})),
        "'d' is not float32",
    ),
    "sizes by the image": (
        lambda: between(made("GlobalMaxPool", "b", "p0"), made("Reshape", "p0 flat", "scales"),
                        made("Resize", "b - scales", "b2"), flat=ints(4)),
        "is not fixed",
    ),
    # constants
    "NaN": (lambda: model(w=np.full((4, 3, 3, 3), np.nan, np.float32)), "'w' holds values that"),
    "infinity in a node": (
        lambda: between(made("Constant", "", "z", {"value": numpy_helper.from_array(
            np.array([np.inf], np.float32))}), made("Add", "b z", "b2")),
        "'a constant' holds values that are not finite",
    ),
    "half precision": (lambda: model(w=ones(4, 3, 3, 3).astype(np.float16)), "'w' is FLOAT16"),
    "another file": (lambda: model(w=external("w")), "'w' lies in another file"),
    "fewer bytes than declared": (lambda: model(w=stored("w", dims=[10**6, 10**6])), "cannot be r"),
    "negative size": (lambda: model(w=stored("w", dims=[-4, 3, 3, 3])), "Negative dimension value"),
    "unknown type": (lambda: model(w=stored("w", data_type=77)), r"'w' is \?"),
    "sparse": (
        lambda: changed(lambda m: m.graph.sparse_initializer.add()), "sparse tensors",
    ),
    # structure
    "cycle": (
        lambda: model((("Add", "x z", "y"), ("Relu", "y", "z"), *NODES)), "topologically sorted",
    ),
    "name twice": (lambda: model((*NODES, ("Relu", "a", "b"))), "single static assignment"),
    "missing tensor": (lambda: model(NODES[1:]), "topologically sorted"),
    "no nodes": (lambda: changed(lambda m: m.graph.ClearField("node")), "holds no graph"),
    "old opset": (lambda: model(opset=9), "its opset is 9. Export it with an opset of 13"),
    "future opset": (lambda: model(opset=99), "its opset is 99"),
    "second set of operators": (
        lambda: changed(lambda m: m.opset_import.add(domain="ai.onnx.ml", version=3)),
        "operators of ONNX alone",
    ),
    "future format": (lambda: changed(lambda m: setattr(m, "ir_version", 10**6)), "ir_version"),
    "too many nodes": (
        lambda: between(*[made("Relu", f"r{i}" if i else "b", f"r{i + 1}") for i in range(20_000)],
                        reads="r20000"),
        "20009 nodes, 20000 are allowed",
    ),
    # inputs and outputs
    "fixed batch": (lambda: model(image=(7, *IMAGE)), "its batch axis is 7"),
    "open sizes": (lambda: model(image=(1, 3, "h", "w")), "has type 1 and sizes"),
    "flat input": (lambda: model(image=(1, 192)), "has type 1 and sizes"),
    "bytes as input": (lambda: model(kind=TensorProto.UINT8), "has type 2"),
    "two inputs": (
        lambda: changed(lambda m: m.graph.input.append(
            helper.make_tensor_value_info("y", TensorProto.FLOAT, [1]))),
        "it has 2 inputs",
    ),
    "one exit": (lambda: model(outputs=["one"]), "it has 1 outputs"),
    "an exit twice": (lambda: model(outputs=["one", "one"]), "names of their own"),
    "exits in another order": (lambda: model(outputs=["two", "one"]), "order of their computation"),
    "an exit that is the input": (
        lambda: model(outputs=["x", "two"]), "'x' is made by none of its nodes",
    ),
    "exits of other widths": (lambda: model(n=ones(6, 7)), "equally many classes"),
    "a map as exit": (lambda: model(outputs=["b", "c"]), "equally many classes"),
    "shapes that do not fit": (lambda: model(v=ones(6, 5, 3, 3)), "Runtime cannot run it"),
    "sums that do not fit": (lambda: model(m=ones(3, 5)), "its shapes do not fit"),
    # numbers too large
    "a billion values": (
        lambda: between(made("Expand", "b huge", "z"), made("ReduceSum", "z first", "b2"),
                        huge=ints(10**9, 4, 8, 8), first=ints(0)),
        "values for one image",
    ),
    "sizes that double": (
        lambda: between(made("Shape", "b", "s0"), *[made("Concat", f"s{i} s{i}", f"s{i + 1}",
                        {"axis": 0}) for i in range(40)], made("Expand", "b s40", "b2")),
        "needs more memory than it may have",
    ),
    "padding": (
        lambda: between(made("Pad", "b huge", "b2"), huge=ints(0, 0, 2**40, 2**40, 0, 0, 0, 0)),
        "cannot be used",
    ),
    "kernel": (
        lambda: between(made("AveragePool", "b", "b2", {"kernel_shape": [BIG, BIG],
                                                        "pads": [BIG] * 4})),
        "cannot be used",
    ),
    "stride": (
        lambda: between(made("Conv", "b v2", "b2", {"strides": [0, -BIG]}), v2=ones(4, 4, 1, 1)),
        "cannot be used",
    ),
    "groups": (
        lambda: between(made("Conv", "b v2", "b2", {"group": 0}), v2=ones(4, 4, 1, 1)),
        "cannot be used",
    ),
    "blocks": (
        lambda: between(made("DepthToSpace", "b", "b2", {"blocksize": BIG})), "cannot be used",
    ),
    "repeats": (
        lambda: between(made("Tile", "b huge", "b2"), huge=ints(BIG, BIG, BIG, BIG)),
        "cannot be used",
    ),
    "antialiased": (
        lambda: between(made("Resize", "b - half", "b2", {"mode": "linear", "antialias": 1}),
                        half=np.array([1, 1, 0.5, 0.5], np.float32)),
        "antialiased",
    ),
}  # fmt: skip
