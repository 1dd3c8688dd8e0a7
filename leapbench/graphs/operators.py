"""The operators that a graph may have, and what each is charged.

Two numbers an operator, for one image:

    products  multiply-adds by the convention "conv+linear" of `leapbench.macs`,
              and one for each value that is scaled by another value (`Mul`, a
              batch normalisation that no convolution can absorb, ...).
    work      element-wise operations that the convention lets pass for free
              (activations, sums, pools). They are free as long as they are few
              beside the products, see `leapbench.graphs.count`.

Moving values around (`Concat`, `Reshape`, `Gather`, nearest-neighbour `Resize`,
...) is neither. Indices and sizes are integers, and what depends on the image is
float32 throughout, so that nothing can be looked up in a table by what the image
says, however large the table. What is not in this table is refused: it would
multiply out of sight (`Einsum`, `ReduceSumSquare`, quantised products), run what
cannot be counted beforehand (`If`, `Loop`), draw random numbers, or nobody has
asked for it yet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Call:
    """One node of a graph with what it is given and makes.

    Attributes:
        attributes: by name, those with a default left out where the node leaves them out.
        inputs: shape of each input; None for one that is left out.
        outputs: shape of each output.
    """

    attributes: Mapping[str, Any]
    inputs: tuple[Shape | None, ...]
    outputs: tuple[Shape, ...]

    def given(self, index: int) -> Shape:
        """Shape of an input that every node of this kind has."""
        shape = self.inputs[index] if index < len(self.inputs) else None
        if shape is None:
            raise ValueError(f"input {index} is missing")
        return shape

    @property
    def values(self) -> int:
        """Number of values of the first output."""
        return prod(self.outputs[0])


@dataclass(frozen=True)
class Operator:
    """What a call of an operator is charged, as functions of the call."""

    products: Callable[[Call], int] = lambda call: 0
    work: Callable[[Call], int] = lambda call: 0


def _conv(call: Call) -> int:
    filters = call.given(1)  # (C_out, C_in / group, *kernel)
    return call.values * prod(filters[1:])


def _conv_transpose(call: Call) -> int:
    filters = call.given(1)  # (C_in, C_out / group, *kernel)
    return prod(call.given(0)) * prod(filters[1:])


def _gemm(call: Call) -> int:
    rows, columns = call.given(0)
    terms = rows if call.attributes.get("transA") else columns
    return call.values * max(1, terms)  # without terms it still scales its third input


def _matmul(call: Call) -> int:
    return call.values * call.given(0)[-1]


def _values(call: Call) -> int:
    return call.values


def _terms(call: Call) -> int:
    """One operation fewer than there are operands, and at least one, for each value."""
    return call.values * max(1, len(call.inputs) - 1)


def _reduced(call: Call) -> int:
    return prod(call.given(0))


def _window(call: Call) -> int:
    return call.values * int(prod(call.attributes["kernel_shape"]))


def _resize(call: Call) -> int:
    # A value is interpolated from 2 neighbours (linear) or 4 (cubic) along each axis.
    mode = call.attributes.get("mode", b"nearest")
    if call.attributes.get("antialias") or mode not in (b"nearest", b"linear", b"cubic"):
        raise ValueError("its mode is not known, or it is antialiased")
    axes = sum(a != b for a, b in zip(call.given(0), call.outputs[0], strict=True))
    return 0 if mode == b"nearest" else call.values * {b"linear": 2, b"cubic": 4}[mode] ** axes


def _each(operator: Operator, names: str) -> dict[str, Operator]:
    return dict.fromkeys(names.split(), operator)


OPERATORS: dict[str, Operator] = {
    "Conv": Operator(products=_conv),
    "ConvTranspose": Operator(products=_conv_transpose),
    "Gemm": Operator(products=_gemm),
    "MatMul": Operator(products=_matmul),
    "Resize": Operator(work=_resize),
    **_each(
        Operator(products=_values),
        "BatchNormalization Div Gelu GroupNormalization HardSwish InstanceNormalization "
        "LayerNormalization Mish Mul PRelu Pow",
    ),
    **_each(
        Operator(work=_terms),
        "Abs Add Clip Elu Erf HardSigmoid LeakyRelu Max Min Neg Reciprocal Relu Selu Sigmoid "
        "Softplus Sqrt Sub Sum Tanh",
    ),
    **_each(
        Operator(work=_reduced),
        "GlobalAveragePool GlobalMaxPool LogSoftmax ReduceMax ReduceMean ReduceMin ReduceSum "
        "Softmax",
    ),
    **_each(Operator(work=_window), "AveragePool MaxPool"),
    **_each(
        Operator(),
        "Cast Concat Constant DepthToSpace Expand Flatten Gather Identity Pad Reshape Shape Slice "
        "SpaceToDepth Split Squeeze Tile Transpose Unsqueeze",
    ),
}
FOLDABLE = ("Conv", "ConvTranspose", "Gemm")
"""What absorbs a batch normalisation of its output, which then costs nothing."""
