"""Is a file an acceptable graph? Runs in the worker's process, on untrusted bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, helper, numpy_helper, shape_inference

from leapbench.errors import UserError
from leapbench.graphs.operators import OPERATORS, Shape

OPSETS = range(13, 22)
MAX_BYTES = 2**28
MAX_NODES, MAX_EXITS, MAX_VALUES = 20_000, 100, 2**27
"""At most so many nodes, exits, and values of all tensors together for one image."""

_STATIC = {TensorProto.FLOAT, TensorProto.INT32, TensorProto.INT64}
_SIMPLE = {
    AttributeProto.FLOAT,
    AttributeProto.FLOATS,
    AttributeProto.INT,
    AttributeProto.INTS,
    AttributeProto.STRING,
    AttributeProto.TENSOR,
}


@dataclass(frozen=True)
class Graph:
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


def read(data: bytes) -> Graph:
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
    source, image = _interface(model.graph)
    moving = _moving(model.graph, source)
    shapes, integers = _shapes(model, moving)
    exits = tuple(output.name for output in model.graph.output)
    classes = _classes(exits, shapes)
    _prune(model.graph)
    return Graph(model, image, classes, source, exits, shapes, moving, integers)


def shown(text: str) -> str:
    """A stranger's text, short and fit for a terminal."""
    line = "".join(c if c.isprintable() else " " for c in " ".join(text.split()))
    line = line.rstrip(" .")
    return line if len(line) <= 200 else line[:197] + "..."


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
    if tensor.data_type not in _STATIC:
        kind = TensorProto.DataType.Name(tensor.data_type) if tensor.data_type in _KINDS else "?"
        raise UserError(f"{name!r} is {kind}", "Export the network in float32.")
    try:
        values = numpy_helper.to_array(tensor)
    except Exception as error:  # what a lying header raises depends on the lie
        raise UserError(f"{name!r} cannot be read: {shown(str(error))}") from None
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise UserError(f"{name!r} holds values that are not finite")


_KINDS = set(TensorProto.DataType.values())


def _interface(graph: Any) -> tuple[str, tuple[int, int, int]]:
    """Name and size of the input; its batch axis becomes 1."""
    stored = {tensor.name for tensor in graph.initializer}
    inputs = [entry for entry in graph.input if entry.name not in stored]
    form = "Expected one float32 input of shape (batch, channels, height, width)."
    if len(inputs) != 1:
        raise UserError(f"it has {len(inputs)} inputs", form)
    source = inputs[0]
    del graph.input[:]  # old files list their constants among the inputs
    graph.input.append(source)
    kind = graph.input[0].type.tensor_type
    sizes = [dim.dim_value for dim in kind.shape.dim]
    if kind.elem_type != TensorProto.FLOAT or len(sizes) != 4 or min(sizes[1:]) < 1:
        raise UserError(f"its input has type {kind.elem_type} and sizes {sizes}", form)
    if sizes[0] not in (0, 1):
        raise UserError(f"its batch axis is {sizes[0]}", "Export it for a batch of one image.")
    kind.shape.dim[0].Clear()
    kind.shape.dim[0].dim_value = 1
    if not 2 <= len({output.name for output in graph.output}) == len(graph.output) <= MAX_EXITS:
        names = [shown(output.name) for output in graph.output[:3]]
        raise UserError(
            f"it has {len(graph.output)} outputs ({', '.join(names)}, ...)",
            f"Expected 2 to {MAX_EXITS} with names of their own: the logits of the exits in order.",
        )
    made = {name for node in graph.node for name in node.output}
    for output in graph.output:
        if output.name not in made:
            raise UserError(f"its output {shown(output.name)!r} is made by none of its nodes")
    return source.name, (sizes[1], sizes[2], sizes[3])


def _moving(graph: Any, source: str) -> frozenset[str]:
    """Tensors that depend on the values of the image; a shape does not."""
    moving = {source}
    for node in graph.node:
        if node.op_type != "Shape" and moving.intersection(node.input):
            moving.update(name for name in node.output if name)
    return frozenset(moving)


def _shapes(model: Any, moving: frozenset[str]) -> tuple[dict[str, Shape], frozenset[str]]:
    """Shape of every tensor for one image, and which tensors are integers.

    What the file claims about them is thrown away, and inferred anew.
    """
    graph = model.graph
    del graph.value_info[:]
    for output in graph.output:
        output.CopyFrom(helper.make_tensor_value_info(output.name, TensorProto.FLOAT, None))
    try:
        inferred = shape_inference.infer_shapes(
            model, check_type=True, strict_mode=True, data_prop=True
        ).graph
    except Exception as error:  # InferenceError, or what protobuf raises for a lie
        if "bad_alloc" in str(error):
            raise MemoryError from None
        raise UserError(f"its shapes do not fit: {shown(str(error))}") from None
    shapes: dict[str, Shape] = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    kinds: dict[str, int] = {tensor.name: tensor.data_type for tensor in graph.initializer}
    for entry in (*graph.input, *inferred.value_info, *inferred.output):
        kind = entry.type.tensor_type
        sizes = tuple(dim.dim_value if dim.HasField("dim_value") else -1 for dim in kind.shape.dim)
        if not kind.HasField("shape") or min(sizes, default=0) < 0:
            raise UserError(
                f"the shape of {shown(entry.name)!r} is not fixed",
                "Export the network for a batch of one image of a fixed size.",
            )
        if kind.elem_type not in ({TensorProto.FLOAT} if entry.name in moving else _STATIC):
            raise UserError(f"{shown(entry.name)!r} is not float32, as all must be")
        shapes[entry.name], kinds[entry.name] = sizes, kind.elem_type
    missing = [n for node in graph.node for n in node.output if n and n not in shapes]
    if missing:
        raise UserError(f"the shape of {shown(missing[0])!r} is not known")
    total = sum(prod(shapes[n]) for node in graph.node for n in node.output if n)
    if total > MAX_VALUES:
        raise UserError(f"its tensors hold {total} values for one image, {MAX_VALUES} are allowed")
    return shapes, frozenset(n for n, kind in kinds.items() if kind != TensorProto.FLOAT)


def _classes(exits: tuple[str, ...], shapes: dict[str, Shape]) -> int:
    found = {shapes[name] for name in exits}
    shape = min(found)
    if len(found) != 1 or len(shape) != 2 or shape[0] != 1 or shape[1] < 2:
        raise UserError(
            f"its outputs have shapes {sorted(found)}",
            "Expected logits (batch, classes) of equally many classes, 2 or more, at every exit.",
        )
    return shape[1]


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
