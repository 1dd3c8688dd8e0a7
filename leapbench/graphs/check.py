"""Is a file an acceptable graph? Runs in the worker's process, on untrusted bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, numpy_helper

from leapbench.errors import UserError
from leapbench.graphs.operators import OPERATORS, Shape
from leapbench.graphs.shapes import KINDS, dependent, inferred, interface, logits, shown

OPSETS = range(13, 22)
MAX_BYTES = 2**28
MAX_NODES = 20_000
_SIMPLE = {
    AttributeProto.FLOAT,
    AttributeProto.FLOATS,
    AttributeProto.INT,
    AttributeProto.INTS,
    AttributeProto.STRING,
    AttributeProto.TENSOR,
}


@dataclass(frozen=True)
class CheckedGraph:
    """An acceptable graph, for one image at a time.

    Attributes:
        model: the graph alone, without nodes that no exit needs.
        image: input size as (channels, height, width).
        classes: number of classes.
        input: name of the input.
        exits: names of the outputs, in order.
        shapes: of every tensor.
        moving: tensors that depend on the image; all are float32.
        integers: tensors of integers: shapes and what is computed from them.
    """

    model: Any
    image: tuple[int, int, int]
    classes: int
    input: str
    exits: tuple[str, ...]
    shapes: dict[str, Shape]
    moving: frozenset[str]
    integers: frozenset[str]


def read(data: bytes) -> CheckedGraph:
    """Parse and check a graph.

    Raises:
        UserError: for the first thing that is wrong.
    """
    if len(data) > MAX_BYTES:
        raise UserError(f"it has {len(data):,} bytes, {MAX_BYTES:,} are allowed")
    model = _parsed(data)
    _check_frame(model)
    for node in model.graph.node:
        _check_node(node)
    for tensor in _constants(model.graph):
        _check_constant(tensor)
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise UserError(f"it is not valid ONNX: {shown(str(error))}") from None
    model.ir_version = max(4, model.ir_version)  # before, constants had to be inputs
    source, image = interface(model.graph)
    moving = dependent(model.graph, source)
    shapes, integers = inferred(model, moving)
    exits = tuple(output.name for output in model.graph.output)
    classes = logits(exits, shapes)
    _prune(model.graph)
    return CheckedGraph(model, image, classes, source, exits, shapes, moving, integers)


def _parsed(data: bytes) -> Any:
    try:
        return onnx.load_model_from_string(data)
    except Exception as error:  # protobuf's own, which is not ours to import
        raise UserError(f"it cannot be parsed as ONNX: {shown(str(error))}") from None


def _check_frame(model: Any) -> None:
    """Refuse what stands around the graph: extensions, functions, other versions."""
    versions = {entry.domain: entry.version for entry in model.opset_import}
    if not versions or not model.graph.node:
        raise UserError("it cannot be parsed as ONNX: it holds no graph")
    if set(versions) - {"", "ai.onnx"} or len(model.opset_import) != 1:
        raise UserError(f"it must use the operators of ONNX alone, not {shown(str(versions))}")
    if next(iter(versions.values())) not in OPSETS:
        raise UserError(
            f"its opset is {next(iter(versions.values()))}",
            f"Export it with an opset of {OPSETS[0]} to {OPSETS[-1]}.",
        )
    graph = model.graph
    if model.functions or model.training_info or graph.sparse_initializer:
        raise UserError("it holds functions, training information or sparse tensors")
    if len(graph.node) > MAX_NODES:
        raise UserError(f"it has {len(graph.node)} nodes, {MAX_NODES} are allowed")


def _check_node(node: Any) -> None:
    what = shown(f"{node.domain}.{node.op_type}" if node.domain else node.op_type)
    if node.domain not in ("", "ai.onnx") or node.op_type not in OPERATORS:
        raise UserError(f"operator {what!r} is not allowed", f"Allowed: {', '.join(OPERATORS)}.")
    if not node.output or not node.output[0] or (len(node.output) > 1 and what != "Split"):
        raise UserError(f"{what} has {len(node.output)} outputs, expected its first one alone")
    for attribute in node.attribute:
        if attribute.type not in _SIMPLE or attribute.ref_attr_name:
            raise UserError(f"{what} has an attribute that is no number, tensor or text")
        if attribute.name == "training_mode" and attribute.i:
            raise UserError(f"{what} is in training mode", "Export the network in evaluation mode.")


def _constants(graph: Any) -> Iterator[Any]:
    """Every tensor that is stored in the file."""
    yield from graph.initializer
    for node in graph.node:
        yield from (a.t for a in node.attribute if a.type == AttributeProto.TENSOR)


def _check_constant(tensor: Any) -> None:
    name = shown(tensor.name or "a constant")
    if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
        raise UserError(f"{name!r} lies in another file", "Export the graph into a single file.")
    if tensor.data_type not in KINDS:
        kind = TensorProto.DataType.Name(tensor.data_type) if tensor.data_type in _NAMED else "?"
        raise UserError(f"{name!r} is {kind}", "Export the network in float32.")
    try:
        values = numpy_helper.to_array(tensor)
    except Exception as error:  # what a lying header raises depends on the lie
        raise UserError(f"{name!r} cannot be read: {shown(str(error))}") from None
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise UserError(f"{name!r} holds values that are not finite")


_NAMED = set(TensorProto.DataType.values())


def _prune(graph: Any) -> None:
    """Drop nodes that no exit needs, so that what is counted is what is run."""
    needed = {output.name for output in graph.output}
    kept = []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            needed.update(node.input)
            kept.append(node)
    del graph.node[:]
    graph.node.extend(reversed(kept))
