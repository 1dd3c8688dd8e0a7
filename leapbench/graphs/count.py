"""Multiply-adds of every exit of a graph.

The cost of exit k is that of all nodes up to the one that makes its logits, in
the order of the file ("without lazy evaluation", as in `leapbench.macs`): a
graph that runs everything before its first exit is charged everything there,
and one that puts off what an exit does not need is not charged it at that exit.
Nodes that no exit needs are neither run nor charged. The others count as they
stand in the file, whether or not ONNX Runtime will merge, fold or repeat them;
nodes that work on constants alone count too.

The counts equal those of `leapbench.macs` ("conv+linear") for a network of
convolutions, linear layers, batch normalisations behind them, activations,
sums and pools. Folding a batch normalisation into its convolution changes the
bits of the outputs and not the count. Three rules are for graphs alone:

*   Scaling values by values (`Mul`, `Div`, `PRelu`, a normalisation that is not
    right behind a convolution of its own, ...) costs one multiply-add a value.
    A product of matrices that is written as products of numbers thus costs at
    least what it would have cost as one.
*   Free operations (activations, sums, pools) are free up to half of the
    multiply-adds so far; each beyond costs as much as a multiply-add. Networks
    of convolutions stay far below. It makes arithmetic that was moved from
    products into sums, maxima or activations pay.
*   Integer arithmetic on shapes is free.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

from onnx import helper

from leapbench.errors import UserError
from leapbench.graphs.check import CheckedGraph
from leapbench.graphs.operators import FOLDABLE, OPERATORS, Call
from leapbench.graphs.shapes import shown

FREE_SHARE = 2
"""Free operations are free up to one for so many multiply-adds."""


def count(graph: CheckedGraph) -> list[int]:
    """Cumulative multiply-adds of every exit, for one image.

    Raises:
        UserError: when they do not rise from each exit to the next, or a node cannot be counted.
    """
    nodes = graph.model.graph.node
    maker = {name: i for i, node in enumerate(nodes) for name in node.output}
    charges = _charges(graph, maker)
    places = [maker.get(output, -1) for output in graph.exits]
    if any(a >= b for a, b in pairwise(places)):
        raise UserError(
            "its outputs are not in the order of their computation",
            "List the logits of the exits as the nodes that make them follow each other.",
        )
    costs = [_cost(charges[: place + 1]) for place in places]
    if costs[0] < 1 or any(a >= b for a, b in pairwise(costs)):
        raise UserError(
            f"its exits cost {shown(str(costs))} multiply-adds, which must rise",
            "Give each exit layers of its own.",
        )
    return costs


def _cost(charges: list[tuple[int, int]]) -> int:
    """Products, and the work that is more than passes for free beside them."""
    products, work = sum(a for a, _ in charges), sum(b for _, b in charges)
    return products + max(0, work - products // FREE_SHARE)


def _charges(graph: CheckedGraph, maker: dict[str, int]) -> list[tuple[int, int]]:
    """Products and free work of every node."""
    nodes = graph.model.graph.node
    readers = Counter(name for node in nodes for name in node.input)
    readers.update(graph.exits)
    return [
        (0, 0) if _folds(node, nodes, maker, readers, graph.moving) else _charge(node, graph)
        for node in nodes
    ]


def _folds(
    node: Any, nodes: Any, maker: dict[str, int], readers: Counter[str], moving: frozenset[str]
) -> bool:
    """Whether a batch normalisation could be part of the layer right before it."""
    if node.op_type != "BatchNormalization" or moving.intersection(node.input[1:]):
        return False
    before = maker.get(node.input[0])
    return (
        before is not None
        and nodes[before].op_type in FOLDABLE
        and readers[node.input[0]] == 1
        and node.input[0] in moving
    )


def _charge(node: Any, graph: CheckedGraph) -> tuple[int, int]:
    if node.output[0] in graph.integers:
        return 0, 0
    call = Call(
        {a.name: helper.get_attribute_value(a) for a in node.attribute},
        tuple(graph.shapes[name] if name else None for name in node.input),
        tuple(graph.shapes[name] for name in node.output),
    )
    operator = OPERATORS[node.op_type]
    try:
        return operator.products(call), operator.work(call)
    except (ValueError, KeyError, IndexError) as error:
        raise UserError(f"a {node.op_type} cannot be counted: {shown(str(error))}") from None
