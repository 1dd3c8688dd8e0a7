"""Files that are no acceptable graph: each gets its reason, none takes the host along."""

from __future__ import annotations

import random
import resource
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from graph_files import (
    CONSTANTS,
    COSTS,
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
from hypothesis import given, settings
from hypothesis import strategies as st

from leapbench.errors import UserError
from leapbench.graphs.operators import OPERATORS
from leapbench.graphs.run import ExportedNetwork


def refused(data: bytes) -> str:
    """Why a worker refuses a file."""
    with pytest.raises(UserError) as caught:
        _ = ExportedNetwork(data, "it").facts
    return str(caught.value)


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


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_told(name: str) -> None:
    make, message = BAD[name]
    told = refused(make().SerializeToString())
    assert message.replace("\\", "") in told
    assert told.startswith("it cannot be used: ")
    assert "process" not in told, "the worker died"


@pytest.mark.parametrize(
    "data",
    [b"", b"\x00" * 1000, b"PK\x03\x04", model().SerializeToString()[:-300], b"\x0a" * 10**6],
    ids=["empty", "zeros", "zip", "truncated", "nested"],
)
def test_what_is_no_graph_is_told(data: bytes) -> None:
    assert "cannot be parsed as ONNX" in refused(data)


def test_a_stranger_text_does_not_reach_the_terminal() -> None:
    told = refused(between(made("\x1b[2J\n\u202e" + "x" * 9999, "b", "b2")).SerializeToString())
    assert told.isprintable()
    assert len(told) < 1000


def test_a_deeply_nested_file_is_told() -> None:
    def field(tag: int, content: bytes) -> bytes:
        return bytes([tag]) + varint(len(content)) + content

    graph = b""
    for _ in range(3000):  # a graph in an attribute of a node of a graph, and so on
        graph = field(0x0A, field(0x2A, field(0x32, graph)))
    assert "cannot be parsed as ONNX" in refused(field(0x3A, graph))


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def test_the_host_keeps_its_memory() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name in ("a billion values", "fewer bytes than declared", "repeats"):
        refused(BAD[name][0]().SerializeToString())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB


BASE = model().SerializeToString()
PLACES = st.lists(st.tuples(st.integers(0, len(BASE) - 1), st.integers(0, 255)), min_size=1,
                  max_size=4)  # fmt: skip


@given(data=st.binary(max_size=300))
@settings(max_examples=8)
def test_random_bytes_are_refused(data: bytes) -> None:
    assert refused(data).startswith("it cannot be used: ")


@given(places=PLACES, cut=st.integers(0, 30), grow=st.binary(max_size=4), seed=st.integers(0, 99))
@settings(max_examples=25)
def test_damaged_files_are_refused_or_run(
    places: list[tuple[int, int]], cut: int, grow: bytes, seed: int
) -> None:
    data = bytearray(BASE)
    for place, value in places:
        data[place] = value
    place = random.Random(seed).randrange(len(data))
    data[place : place + cut] = grow
    network = ExportedNetwork(bytes(data), "it")
    try:
        facts = network.facts
    except UserError as error:
        assert str(error).startswith("it cannot be used: ")  # noqa: PT017
        return
    logits = network.logits(np.zeros((2, *facts.image), np.float32))
    assert [z.shape for z in logits] == [(2, facts.classes)] * len(facts.multiply_adds)


def test_shapes_that_a_file_claims_are_not_believed() -> None:
    graph = model()
    for name, shape in (("b", [1, 1, 1, 1]), ("pf", [1, 1]), ("c", [9, 9])):
        claim = helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        graph.graph.value_info.append(claim)
    for output in graph.graph.output:
        output.type.tensor_type.shape.dim[1].dim_value = 1
    claim = helper.make_tensor_value_info("v", TensorProto.FLOAT, [1, 1, 1, 1])
    graph.graph.input.append(claim)  # as if a constant were an input, of another shape
    assert list(ExportedNetwork(graph.SerializeToString(), "it").facts.multiply_adds) == COSTS


def test_an_old_file_lists_its_constants_among_the_inputs() -> None:
    graph = model(opset=13)
    graph.ir_version = 3
    for tensor in graph.graph.initializer:
        entry = helper.make_tensor_value_info(tensor.name, TensorProto.FLOAT, list(tensor.dims))
        graph.graph.input.append(entry)
    assert list(ExportedNetwork(graph.SerializeToString(), "it").facts.multiply_adds) == COSTS


def test_the_small_model_itself_is_acceptable() -> None:
    facts = ExportedNetwork(BASE, "it").facts
    assert (facts.image, facts.classes, list(facts.multiply_adds)) == (IMAGE, 5, COSTS)


def test_every_operator_that_is_allowed_exists() -> None:
    import onnx

    known = {schema.name for schema in onnx.defs.get_all_schemas_with_history()}
    assert known >= set(OPERATORS)
