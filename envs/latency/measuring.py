"""How long blocks of many shapes take on the machine at hand, by every plan."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from leapbench.envs.latency.costs import PLANS, Plan, Work, cells_of, looking, work
from leapbench.envs.latency.networks import Block
from leapbench.envs.latency.sparse import timing
from leapbench.envs.latency.sparse.bottleneck import Bottleneck
from leapbench.envs.latency.sparse.ends import Masker
from leapbench.envs.latency.sparse.places import Grid
from leapbench.envs.threads import one_thread

Report = Callable[[float, str], None]
WIDTHS = (32, 48, 64, 96, 128, 192, 256)
SIZES = (6, 7, 8, 12, 14, 16, 24, 28, 32, 48, 56)
MULTIPLY_ADDS = (4e6, 2.5e8)
"""Least and most of the blocks that are measured: what the calls alone take, to 10 ms or so."""
RATES = (0.1, 0.3, 0.6)
SIDES = (1, 2, 4, 7, 8, 14)
TOGETHER = 12
"""Calls that take turns with the reference."""
MASKER = "masker"


@dataclass(frozen=True)
class Point:
    """One thing that was measured.

    Attributes:
        shape: place of its block among the shapes.
        block: what was run.
        batch: images.
        plan: how, or "masker".
        granularity: side of a cell; 1 for what has none.
        rate: share of active cells that was asked for; 1 for what has none.
        count: active cells of the batch.
        seconds: fastest of the rounds, of the thread's own clock.
    """

    shape: int
    block: Block
    batch: int
    plan: str
    granularity: int
    rate: float
    count: int
    seconds: float = 0.0

    def work(self) -> Work:
        """What was done."""
        if self.plan == MASKER:
            return looking(self.block, self.batch)
        plan: Plan = next(each for each in PLANS if each == self.plan)
        places = self.batch * self.block.size**2 / self.granularity**2
        count = np.asarray(float(places if plan == "whole" else self.count))
        return work(plan, self.block, self.batch, self.granularity, count)


@dataclass(frozen=True)
class Measured:
    """What was measured, and under what noise.

    Attributes:
        points: all of it.
        repeats: median relative difference of two timings of the same thing.
        waits: wall time over the thread's own.
    """

    points: list[Point]
    repeats: float
    waits: float


def shapes(count: int, seed: int = 0) -> list[tuple[Block, int]]:
    """Blocks and batches of many widths, sizes and strides, in drawn order."""
    low, high = MULTIPLY_ADDS
    found = [
        (Block(4 * width // stride, width, 4 * width, size, stride, 1, 0, 0), batch)
        for width in WIDTHS
        for size in SIZES
        for stride in (1, 2)
        for batch in (1, 4)
        if low < 17 * batch * (size * width) ** 2 < high
    ]
    order = np.random.default_rng(seed).permutation(len(found))
    return [found[i] for i in order[:count]]


def measure(blocks: Sequence[tuple[Block, int]], rounds: int, report: Report) -> Measured:
    """Time every plan of every block at several granularities and rates.

    Of each the fastest round counts. A reference block takes turns with a few calls at a time,
    and its own seconds are what the others are scaled by, lest the machine change meanwhile.

    Args:
        blocks: blocks and batches.
        rounds: timings of each.
        report: told how far it is, in [0, 1], and what is measured.
    """
    reference = _Runner(Block(256, 64, 256, 24, 1, 1, 0, 0), 1).whole
    relative: list[Point] = []
    units: list[float] = []
    repeats: list[float] = []
    waits: list[float] = []
    with one_thread(), torch.inference_mode():
        for shape, (block, batch) in enumerate(blocks):
            report(shape / len(blocks), f"{block.width} wide, {block.size}x{block.size}")
            cases = list(_cases(shape, block, batch, rounds))
            for first in range(0, len(cases), TOGETHER):
                part = cases[first : first + TOGETHER]
                found = timing.in_turns([reference, *(call for _, call in part)], rounds)
                unit, *best = found.best.tolist()
                pairs = zip(part, best, strict=True)
                relative += [replace(point, seconds=value / unit) for (point, _), value in pairs]
                units.append(unit)
                repeats += found.repeats.tolist()
                waits.append(found.waits)
    second = float(np.median(units))
    points = [replace(point, seconds=point.seconds * second) for point in relative]
    return Measured(points, float(np.median(repeats)), float(np.median(waits)))


def _cases(
    shape: int, block: Block, batch: int, rounds: int
) -> Iterator[tuple[Point, Callable[[], object]]]:
    run, draw = _Runner(block, batch), torch.Generator().manual_seed(shape)
    yield Point(shape, block, batch, "whole", 1, 1.0, batch * block.size**2), run.whole
    yield Point(shape, block, batch, MASKER, 1, 1.0, 0), run.masker
    for side in (each for each in SIDES if block.size % each == 0 and each < block.size):
        every = batch * cells_of(block, side)
        for rate in RATES:
            count = max(1, round(rate * every))
            # Other cells in every round: how many rows they share is part of what is measured.
            drawn = [torch.randperm(every, generator=draw)[:count] for _ in range(2 * rounds)]
            for plan in PLANS[:3]:
                point = Point(shape, block, batch, plan, side, rate, count)
                yield point, run.sparse(plan, side, [each.sort().values for each in drawn])


class _Runner:
    """A block of random weights and its input; calls that run it."""

    def __init__(self, block: Block, batch: int) -> None:
        self._block = Bottleneck(_module(block))
        side = block.size * block.stride
        self._size, self._batch = (side, side), batch
        self._rows = torch.rand(batch * side**2, block.inputs)
        self._masker = Masker(nn.Conv2d(block.inputs, 2, 1))

    def _grid(self, granularity: int) -> Grid:
        return Grid(self._batch, self._size, self._block.outgoing(self._size), granularity)

    def whole(self) -> Tensor:
        return self._block.whole(self._rows, self._grid(1))

    def masker(self) -> Tensor:
        return self._masker(self._rows, self._grid(1)).nonzero()

    def sparse(self, plan: Plan, granularity: int, drawn: list[Tensor]) -> Callable[[], Tensor]:
        turns, grid = cycle(drawn), self._grid(granularity)
        return lambda: self._block.sparse(self._rows, grid, next(turns), plan)


def _module(block: Block) -> nn.Module:
    made: Any = nn.Module()
    made.conv1 = nn.Conv2d(block.inputs, block.width, 1)
    made.conv2 = nn.Conv2d(block.width, block.width, 3, block.stride, 1, groups=block.groups)
    made.conv3 = nn.Conv2d(block.width, block.outputs, 1)
    made.bn1 = made.bn2 = made.bn3 = nn.Identity()
    # What is added in place, again and again, must not grow.
    nn.init.normal_(made.conv3.weight, std=1e-6)
    if block.stride > 1 or block.inputs != block.outputs:
        made.downsample = nn.Sequential(nn.Conv2d(block.inputs, block.outputs, 1, block.stride))
    return made  # type: ignore[no-any-return]
