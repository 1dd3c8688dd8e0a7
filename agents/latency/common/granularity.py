"""Networks with another grid of cells and the same weights."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

from leapbench.agents.latency.common.network import DynamicNetwork, Shape
from leapbench.errors import UserError


def grains(text: str, shape: Shape) -> tuple[int, ...]:
    """Side of a cell in each stage.

    Args:
        text: numbers such as "4-2-1"; "pixel" for 1 everywhere, "layer" for the whole map, and
            "" for what the shape says.
        shape: of the network.

    Raises:
        UserError: for another text.
    """
    if not text:
        return shape.granularity
    if text in ("pixel", "layer"):
        return (1,) * len(shape.sizes) if text == "pixel" else shape.sizes
    parts = text.split("-")
    if len(parts) != len(shape.sizes) or not all(part.isdigit() for part in parts):
        raise UserError(
            f"granularity must be {len(shape.sizes)} numbers such as "
            f"{'-'.join(map(str, shape.granularity))}, 'pixel' or 'layer'; got {text!r}."
        )
    return tuple(map(int, parts))


def regrained(network: DynamicNetwork, text: str) -> DynamicNetwork:
    """A copy whose masks have another granularity; see `grains`."""
    shape = replace(network.shape, granularity=grains(text, network.shape))
    made = deepcopy(network)
    made.shape = shape
    for block, cells in zip(made.blocks, shape.cells, strict=True):
        block.cells = cells  # type: ignore[assignment]
    return made.requires_grad_(True)
