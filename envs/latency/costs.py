"""What block-sparse execution costs on a processor, as a few measured rates.

A processor has large caches and no launch queue; the time of a block is near a sum of what
its plan (`leapbench.envs.latency.sparse.bottleneck`) does: multiply-adds in products of rows, in
convolutions of whole maps and of patches, words moved, rows looked up, and a fixed part for
its calls. `leapbench calibrate` measures blocks and fits the rates.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from functools import cache
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field

from leapbench.envs.latency.networks import Block
from leapbench.errors import UserError

Numbers = NDArray[np.float64]
Plan = Literal["gathered", "scattered", "late", "whole"]
PLANS: tuple[Plan, ...] = get_args(Plan)
KERNEL = 3
UNFOLDED = 2
"""Patches up to this side are unfolded into one product; wider ones go through a convolution."""


@dataclass(frozen=True)
class Work:
    """What a plan does for a batch; numbers or arrays of one shape.

    Attributes:
        calls: 1.
        linear: multiply-adds in products of rows.
        spatial: multiply-adds in convolutions of whole maps.
        patches: multiply-adds in convolutions of gathered patches.
        moved: float32 words gathered, scattered, added or rectified.
        indexed: rows that are looked up.
    """

    calls: Numbers
    linear: Numbers
    spatial: Numbers
    patches: Numbers
    moved: Numbers
    indexed: Numbers

    def table(self) -> Numbers:
        """(..., 6), one column an attribute."""
        return np.stack(np.broadcast_arrays(*map(np.asarray, astuple(self))), -1).astype(float)


class Rates(BaseModel):
    """Seconds for a call, a multiply-add, a word or a row; see `Work`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    calls: float = Field(ge=0, le=1)
    linear: float = Field(default=0.0, ge=0, le=1e-3)
    spatial: float = Field(default=0.0, ge=0, le=1e-3)
    patches: float = Field(default=0.0, ge=0, le=1e-3)
    moved: float = Field(default=0.0, ge=0, le=1e-3)
    indexed: float = Field(default=0.0, ge=0, le=1e-3)

    def seconds(self, work: Work) -> Numbers:
        """Seconds of what is done."""
        rates = [getattr(self, name) for name in Work.__dataclass_fields__]
        return np.asarray(work.table() @ np.array(rates))


class Costs(BaseModel):
    """Rates of each plan, and of the masker that looks at what comes in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    gathered: Rates
    scattered: Rates
    late: Rates
    whole: Rates
    masker: Rates

    def static(self, block: Block, batch: int) -> float:
        """Seconds of a block for a batch, everything computed and no mask looked for.

        Raises:
            UserError: for a block with squeeze-and-excitation, which was never measured.
        """
        _plain(block)
        every = np.asarray(float(batch * block.size**2))
        return float(self.whole.seconds(work("whole", block, batch, 1, every)))

    def each(self, block: Block, batch: int, granularity: int, count: ArrayLike) -> Numbers:
        """Seconds of every plan, (..., 4) in the order of `PLANS`; infinite where none.

        Args:
            block: the block.
            batch: images.
            granularity: side of a cell, in outputs.
            count: active cells of the whole batch; any shape.
        """
        _plain(block)
        active = np.asarray(count, float)
        cells = batch * cells_of(block, granularity)
        found = []
        for plan in PLANS:
            spent = getattr(self, plan).seconds(work(plan, block, batch, granularity, active))
            possible = active >= cells if plan == "whole" else active > 0
            found.append(np.where(possible, spent, np.inf))
        return np.stack(found, -1)

    def dynamic(self, block: Block, batch: int, granularity: int, count: ArrayLike) -> Numbers:
        """Seconds of a spatially dynamic block, its masker included, by its fastest plan."""
        active = np.asarray(count, float)
        best = self.each(block, batch, granularity, active).min(-1)
        # Nothing active: what came in, or the shortcut of it, and no branch.
        rest = self.whole.seconds(_shortcut(block, batch)) if _shortens(block) else 0.0
        looks = self.masker.seconds(looking(block, batch))
        return np.asarray(np.where(active > 0, best, rest) + looks)


def cells_of(block: Block, granularity: int) -> int:
    """Cells of an image's mask; those at the edge may reach over it."""
    return int((-(-block.size // granularity)) ** 2)


def looking(block: Block, batch: int) -> Work:
    """What a masker does: every incoming word is read."""
    words = batch * (block.size * block.stride) ** 2 * block.inputs
    none = np.asarray(0.0)
    return Work(np.asarray(1.0), none, none, none, np.asarray(float(words)), none)


def work(plan: Plan, block: Block, batch: int, granularity: int, count: Numbers) -> Work:
    """What a plan does where `count` cells of the batch are active, at random places."""
    out = float(batch * block.size**2)
    into = out * block.stride**2
    active = count * granularity**2
    linear = active * block.width * block.outputs
    spatial = patches = moved = indexed = np.zeros_like(active)
    if plan == "whole":
        moved = moved + 2 * out * block.outputs
    else:  # what came in is read where the branch is added, and written there
        moved, indexed = moved + 4 * active * block.outputs, indexed + 2 * active
    reduced = np.zeros_like(active) + into
    multiplied = KERNEL**2 * block.width**2 / block.groups
    if plan in ("whole", "late"):
        spatial = spatial + out * multiplied
        moved = moved + 2 * active * block.width * (plan == "late")
    else:
        reads, unfolds = patch_reads(block, granularity)
        moved = moved + 2 * count * reads * block.width
        indexed = indexed + count * reads
        linear = linear + active * multiplied * unfolds
        patches = patches + active * multiplied * (not unfolds)
    if plan == "scattered":
        moved = moved + 2 * into * block.width
    if plan == "gathered":
        share = count / (batch * cells_of(block, granularity))
        reduced = into * touched(granularity, block.stride, share)
        moved, indexed = moved + 2 * reduced * block.inputs, indexed + reduced
    linear = linear + reduced * block.inputs * block.width
    found = Work(np.ones_like(active), linear, spatial, patches, moved, indexed)
    if not _shortens(block):
        return found
    more = _shortcut(block, batch)
    columns = zip(astuple(found), astuple(more), strict=True)
    summed = [np.asarray(a + b) for a, b in columns]
    return Work(np.ones_like(active), *summed[1:])


def patch_reads(block: Block, granularity: int) -> tuple[int, bool]:
    """Rows that the convolution of a cell reads, and whether it is unfolded into a product."""
    if granularity <= UNFOLDED and block.groups == 1:
        return granularity**2 * KERNEL**2, True
    return ((granularity - 1) * block.stride + KERNEL) ** 2, False


def touched(granularity: int, stride: int, share: ArrayLike) -> Numbers:
    """Share of incoming places that active cells read, where cells are active independently."""
    counts = _readers(granularity, stride)
    inactive = 1 - np.asarray(share, float)
    return np.asarray(1 - (inactive[..., None, None] ** counts).mean((-2, -1)))


@cache
def _readers(granularity: int, stride: int) -> Numbers:
    """How many cells read each of the incoming places under a cell."""
    pitch, reach = granularity * stride, KERNEL // 2
    last = (granularity - 1) * stride + reach
    line = [
        sum(-reach <= place - other * pitch <= last for other in (-1, 0, 1))
        for place in range(pitch)
    ]
    return np.multiply.outer(line, line).astype(float)


def _shortens(block: Block) -> bool:
    return block.stride > 1 or block.inputs != block.outputs


def _shortcut(block: Block, batch: int) -> Work:
    out = float(batch * block.size**2)
    moved = out * (2 * block.inputs * (block.stride > 1) + block.outputs)
    linear, none = np.asarray(out * block.inputs * block.outputs), np.asarray(0.0)
    return Work(np.asarray(1.0), linear, none, none, np.asarray(moved), none)


def _plain(block: Block) -> None:
    if block.squeeze:
        raise UserError("A processor's costs are of blocks without squeeze-and-excitation.")
