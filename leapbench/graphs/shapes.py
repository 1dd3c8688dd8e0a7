"""What goes in and out of a graph, and how large every tensor between is, for one image."""

from __future__ import annotations

from math import prod
from typing import Any

from onnx import TensorProto, helper, shape_inference

from leapbench.errors import UserError
from leapbench.graphs.operators import Shape

MAX_EXITS, MAX_VALUES = 100, 2**27
"""At most so many exits, and values of all tensors together for one image."""
KINDS = {TensorProto.FLOAT, TensorProto.INT32, TensorProto.INT64}
"""Types of tensors; those that depend on the image are float32."""


def shown(text: str) -> str:
    """A stranger's text, short and fit for a terminal."""
    line = "".join(c if c.isprintable() else " " for c in " ".join(text.split()))
    line = line.rstrip(" .")
    return line if len(line) <= 200 else line[:197] + "..."


def interface(graph: Any) -> tuple[str, tuple[int, int, int]]:
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


def dependent(graph: Any, source: str) -> frozenset[str]:
    """Tensors that depend on the values of the image; a shape does not."""
    moving = {source}
    for node in graph.node:
        if node.op_type != "Shape" and moving.intersection(node.input):
            moving.update(name for name in node.output if name)
    return frozenset(moving)


def inferred(model: Any, moving: frozenset[str]) -> tuple[dict[str, Shape], frozenset[str]]:
    """Shape of every tensor for one image, and which tensors are integers.

    Args:
        model: the checked file; what it claims about shapes is thrown away.
        moving: tensors that depend on the image.

    Raises:
        UserError: when one is not fixed, of another type, or all together are too large.
    """
    graph, found = model.graph, _inferred(model)
    shapes: dict[str, Shape] = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    kinds: dict[str, int] = {tensor.name: tensor.data_type for tensor in graph.initializer}
    for entry in (*graph.input, *found.value_info, *found.output):
        kind = entry.type.tensor_type
        sizes = tuple(dim.dim_value if dim.HasField("dim_value") else -1 for dim in kind.shape.dim)
        if not kind.HasField("shape") or min(sizes, default=0) < 0:
            raise UserError(
                f"the shape of {shown(entry.name)!r} is not fixed",
                "Export the network for a batch of one image of a fixed size.",
            )
        if kind.elem_type not in ({TensorProto.FLOAT} if entry.name in moving else KINDS):
            raise UserError(f"{shown(entry.name)!r} is not float32, as all must be")
        shapes[entry.name], kinds[entry.name] = sizes, kind.elem_type
    missing = [n for node in graph.node for n in node.output if n and n not in shapes]
    if missing:
        raise UserError(f"the shape of {shown(missing[0])!r} is not known")
    total = sum(prod(shapes[n]) for node in graph.node for n in node.output if n)
    if total > MAX_VALUES:
        raise UserError(f"its tensors hold {total} values for one image, {MAX_VALUES} are allowed")
    return shapes, frozenset(n for n, kind in kinds.items() if kind != TensorProto.FLOAT)


def _inferred(model: Any) -> Any:
    """The graph with shapes that follow from its input alone."""
    graph = model.graph
    del graph.value_info[:]
    for output in graph.output:
        output.CopyFrom(helper.make_tensor_value_info(output.name, TensorProto.FLOAT, None))
    try:
        return shape_inference.infer_shapes(
            model, check_type=True, strict_mode=True, data_prop=True
        ).graph
    except Exception as error:  # InferenceError, or what protobuf raises for a lie
        if "bad_alloc" in str(error):
            raise MemoryError from None
        raise UserError(f"its shapes do not fit: {shown(str(error))}") from None


def logits(exits: tuple[str, ...], shapes: dict[str, Shape]) -> int:
    """Number of classes of the exits.

    Raises:
        UserError: when they are not logits of equally many classes.
    """
    found = {shapes[name] for name in exits}
    shape = min(found)
    if len(found) != 1 or len(shape) != 2 or shape[0] != 1 or shape[1] < 2:
        raise UserError(
            f"its outputs have shapes {sorted(found)}",
            "Expected logits (batch, classes) of equally many classes, 2 or more, at every exit.",
        )
    return shape[1]
