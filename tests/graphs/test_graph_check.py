"""Files that are no acceptable graph: each gets its reason, none takes the host along."""

from __future__ import annotations

import random
import resource

import numpy as np
import pytest
from bad_graphs import BAD
from graph_files import COSTS, IMAGE, TensorProto, between, helper, made, model
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
