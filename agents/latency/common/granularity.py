"""Networks with another grid of cells and the same weights."""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import replace

from leapbench.agents.latency.common.network import DynamicNetwork, Shape
from leapbench.errors import UserError

FORM = re.compile(r"[1-9]\d{0,3}(-[1-9]\d{0,3})*")


def grammatical(text: str) -> None:
    """Refuse what says no granularity of any network; see `grains`.

    Raises:
        UserError: with an example.
    """
    if text not in ("", "pixel", "layer") and not FORM.fullmatch(text):
        raise UserError(
            f"granularity must be numbers from 1 to 9999 such as 4-2-1, one for each stage, "
            f"'pixel' or 'layer'; got {text!r}."
        )


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
    grammatical(text)
    parts = tuple(map(int, text.split("-")))
    if len(parts) != len(shape.sizes):
        raise UserError(
            f"granularity must be {len(shape.sizes)} numbers such as "
            f"{'-'.join(map(str, shape.granularity))}; got {text!r}."
        )
    return parts


def regrained(network: DynamicNetwork, text: str) -> DynamicNetwork:
    """A copy whose masks have another granularity; see `grains`."""
    shape = replace(network.shape, granularity=grains(text, network.shape))
    made = deepcopy(network)
    made.shape = shape
    for block, cells in zip(made.blocks, shape.cells, strict=True):
        block.cells = cells  # type: ignore[assignment]
    return made.requires_grad_(True)
