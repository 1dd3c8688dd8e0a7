"""A bottleneck on rows: everywhere, or in the active cells of a mask alone, by one of four plans.

LASNet, section 3.2. The plans differ in what is computed beside the active cells:

    gathered    nothing: the first convolution runs on rows that active cells read
    scattered   the first convolution, everywhere
    late        the first two convolutions, everywhere
    whole       everything; the branch is multiplied by the mask
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from leapbench.envs.latency.costs import PLANS, Costs, Plan
from leapbench.envs.latency.networks import Block
from leapbench.envs.latency.sparse.kernels import Convolution, Linear, folded, sized
from leapbench.envs.latency.sparse.places import Grid, Places, places
from leapbench.errors import UserError


class Bottleneck:
    """A trained bottleneck, its batch norms folded.

    Args:
        block: has `conv1`, `bn1` to `conv3`, `bn3` (1x1, 3x3 with the stride, 1x1), and its
            shortcut, a 1x1 convolution and a norm, as `downsample` or `shortcut`, if any. It may
            have squeeze-and-excitation of the second map, as `se` with `fc1` and `fc2`. That looks
            at the whole map, so that such a block runs by the plans "late" and "whole".

    Raises:
        UserError: when it is built otherwise.
    """

    def __init__(self, block: nn.Module) -> None:
        names = ("conv1", "bn1", "conv2", "bn2", "conv3", "bn3")
        first, norm1, middle, norm2, last, norm3 = named_layers(block, *names)
        self.first = Linear(*folded(first, norm1), relu=True)
        self.stride, self.kernel = sized(middle).stride[0], middle.kernel_size[0]
        self.middle = Convolution(*folded(middle, norm2), self.stride, middle.groups)
        self.last = Linear(*folded(last, norm3))
        self.channels = (first.in_channels, middle.out_channels, last.out_channels)
        self.shortcut = shortcut(block)
        layers = [getattr(getattr(block, "se", None), name, None) for name in ("fc1", "fc2")]
        self.excited = [Linear(*folded(each, None)) for each in layers if each is not None]

    def described(self, grid: Grid) -> Block:
        """The block as the latency model takes it; of maps that are not square, a like square."""
        side = round((grid.outgoing[0] * grid.outgoing[1]) ** 0.5)
        inputs, width, outputs = self.channels
        return Block(inputs, width, outputs, side, self.stride, self.middle.groups, 0, 0)

    def plans(self, grid: Grid, costs: Costs) -> list[Plan]:
        """The fastest plan for every number of active cells, from 0 to all of the batch."""
        if self.excited:
            late: list[Plan] = ["late"] * grid.count
            return [*late, "whole"]
        counts = np.arange(grid.count + 1)
        spent = costs.each(self.described(grid), grid.batch, grid.granularity, counts)
        spent[:, PLANS.index("whole")] = spent[-1, PLANS.index("whole")]  # also for a part of them
        return ["gathered", *(PLANS[i] for i in spent[1:].argmin(-1))]

    def outgoing(self, incoming: tuple[int, int]) -> tuple[int, int]:
        """Height and width after the block."""
        height, width = ((side - 1) // self.stride + 1 for side in incoming)
        return height, width

    def whole(self, rows: Tensor, grid: Grid, mask: Tensor | None = None) -> Tensor:
        """Everything computed.

        Args:
            rows: what came in, (batch * height * width, inputs).
            grid: sizes before and after.
            mask: (batch * cells,), what the branch is multiplied by; None keeps all.

        Returns:
            What goes out, as rows.
        """
        inner = self._everywhere(rows, grid)
        base = self._base(rows, grid)
        if mask is None:
            return self.last.plus(inner, base).relu_()
        return self.last(inner).mul_(grid.spread(mask)).add_(base).relu_()

    def sparse(self, rows: Tensor, grid: Grid, active: Tensor, plan: Plan) -> Tensor:
        """What goes out, the branch computed in active cells.

        Args:
            rows: what came in, not negative, (batch * height * width, inputs); written to
                where there is no shortcut.
            grid: sizes before and after, and the granularity.
            active: (n,) cells of the batch's masks, row by row, image by image.
            plan: how.
        """
        if plan == "whole":
            every = len(active) == grid.count
            return self.whole(rows, grid, None if every else grid.flags(active))
        if not len(active):
            return rows if self.shortcut is None else self._base(rows, grid).relu_()
        at = self._places(grid)
        writes = at.writes.index_select(0, active).flatten()
        if plan == "late":
            inner = self._everywhere(rows, grid).index_select(0, writes)
        else:
            reads = at.reads.index_select(0, active).flatten()
            if plan == "gathered":
                hidden, reads = self._compact(rows, reads)
            else:
                hidden = self._hidden(rows)
            unfold = self.middle.unfolds(grid.granularity)
            gathered = hidden.index_select(0, reads)
            inner = self.middle.patches(gathered, grid.granularity, unfold)
        if self.shortcut is not None:
            base = self._base(rows, grid)
            return base.index_add_(0, writes, self.last(inner)).relu_()
        # Rows are not negative: where nothing is added, the rectifier has nothing to do.
        before = rows.index_select(0, writes)
        change = self.last.plus(inner, before).relu_().sub_(before)
        return rows.index_add_(0, writes, change)

    def _places(self, grid: Grid) -> Places:
        unfold = self.middle.unfolds(grid.granularity)
        return places(grid, self.stride, self.kernel // 2, self.kernel, unfold)

    def _hidden(self, rows: Tensor) -> Tensor:
        """The first convolution everywhere, and the row of zeros that lies around maps."""
        return functional.pad(self.first(rows), (0, 0, 0, 1))

    def _compact(self, rows: Tensor, reads: Tensor) -> tuple[Tensor, Tensor]:
        """The first convolution of the rows that are read, zeros last; and where those are."""
        flags = torch.zeros(len(rows) + 1, dtype=torch.bool)
        flags.index_fill_(0, reads, True)
        flags[-1] = True
        needed = flags.nonzero().squeeze(1)
        needed[-1] = 0  # any row, in the place of the zeros
        hidden = self.first(rows.index_select(0, needed))
        hidden[-1].zero_()
        return hidden, flags.cumsum(0).sub_(1).index_select(0, reads)

    def _everywhere(self, rows: Tensor, grid: Grid) -> Tensor:
        """The first two convolutions."""
        hidden = self.first(rows).view(grid.batch, *grid.incoming, -1)
        inner = self.middle.whole(hidden)
        if not self.excited:
            return inner.reshape(-1, inner.shape[-1])
        first, second = self.excited
        weights = second(first(inner.mean((1, 2))).relu_()).sigmoid_()
        return (inner * weights[:, None, None]).reshape(-1, inner.shape[-1])

    def _base(self, rows: Tensor, grid: Grid) -> Tensor:
        """What the branch is added to."""
        return rows if self.shortcut is None else self.shortcut(thinned(rows, grid, self.stride))


def named_layers(block: nn.Module, *names: str) -> list[Any]:
    """Layers of a block by their names.

    Raises:
        UserError: when one is missing.
    """
    found = [getattr(block, name, None) for name in names]
    missing = [name for name, each in zip(names, found, strict=True) if each is None]
    if missing:
        raise UserError(f"{type(block).__name__} has no {', '.join(missing)}, as blocks do.")
    return found


def shortcut(block: nn.Module) -> Linear | None:
    """The shortcut of a block, None where what came in is passed on.

    Raises:
        UserError: when it is no 1x1 convolution with a norm.
    """
    found = getattr(block, "downsample", None) or getattr(block, "shortcut", None)
    layers = list(found) if isinstance(found, nn.Sequential) else []
    if found is None or isinstance(found, nn.Identity) or not len(layers):
        return None
    if len(layers) > 2 or getattr(layers[0], "kernel_size", None) != (1, 1):
        raise UserError(f"{found} is no shortcut of a 1x1 convolution and a norm.")
    return Linear(*folded(layers[0], layers[1] if len(layers) == 2 else None))


def thinned(rows: Tensor, grid: Grid, stride: int) -> Tensor:
    """Every `stride`-th place of both axes, as rows."""
    if stride == 1:
        return rows
    maps = rows.view(grid.batch, *grid.incoming, rows.shape[1])
    return maps[:, ::stride, ::stride].reshape(-1, rows.shape[1])
