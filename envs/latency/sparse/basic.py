"""A basic block, of two 3x3 convolutions, on rows: everywhere, or in active cells alone."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor, nn
from torch.nn import functional

from leapbench.envs.latency.costs import Costs, Plan
from leapbench.envs.latency.sparse.bottleneck import named_layers, shortcut, thinned
from leapbench.envs.latency.sparse.kernels import Convolution, folded, sized
from leapbench.envs.latency.sparse.places import Grid, places


class Basic:
    """A trained basic block, its batch norms folded.

    Args:
        block: has `conv1`, `bn1`, `conv2`, `bn2` (3x3 with the stride, 3x3), and its shortcut, a
            1x1 convolution and a norm, as `downsample` or `shortcut`, if any.

    Raises:
        UserError: when it is built otherwise.
    """

    def __init__(self, block: nn.Module) -> None:
        first, norm1, second, norm2 = named_layers(block, "conv1", "bn1", "conv2", "bn2")
        self.stride, self.kernel = sized(first).stride[0], sized(second).kernel_size[0]
        self.first = Convolution(*folded(first, norm1), self.stride, first.groups)
        self.second = Convolution(*folded(second, norm2), 1, second.groups, relu=False)
        self.shortcut = shortcut(block)

    def outgoing(self, incoming: tuple[int, int]) -> tuple[int, int]:
        """Height and width after the block."""
        height, width = ((side - 1) // self.stride + 1 for side in incoming)
        return height, width

    def plans(self, grid: Grid, costs: Costs) -> list[Plan]:
        """For every number of active cells, from 0 to all, the plan of fewest multiply-adds.

        `costs` are of bottlenecks and not looked at.
        """
        wide, out = (grid.granularity + self.kernel - 1) ** 2, grid.outgoing[0] * grid.outgoing[1]
        fewer = [count * wide < grid.batch * out for count in range(grid.count)]
        return [*("gathered" if each else "scattered" for each in fewer), "whole"]

    def whole(self, rows: Tensor, grid: Grid, mask: Tensor | None = None) -> Tensor:
        """Everything computed; see `Bottleneck.whole`."""
        hidden = self._hidden(rows, grid)
        branch = self.second.whole(hidden.view(grid.batch, *grid.outgoing, -1))
        branch = branch.reshape(len(hidden), -1)
        if mask is not None:
            branch = branch.mul_(grid.spread(mask))
        return branch.add_(self._base(rows, grid)).relu_()

    def sparse(self, rows: Tensor, grid: Grid, active: Tensor, plan: Plan) -> Tensor:
        """What goes out, the branch computed in active cells; see `Bottleneck.sparse`.

        "gathered" runs both convolutions on patches, "scattered" the first one everywhere.
        """
        if plan == "whole":
            return self.whole(rows, grid)
        if not len(active):
            return rows if self.shortcut is None else self._base(rows, grid).relu_()
        after = replace(grid, incoming=grid.outgoing)
        unfold = self.second.unfolds(grid.granularity) and plan == "scattered"
        at = places(after, 1, self.kernel // 2, self.kernel, unfold)
        reads = at.reads.index_select(0, active).flatten()
        if plan == "gathered":
            inner = self._patches(rows, grid, active, reads)
        else:
            inner = _zeroed(self._hidden(rows, grid)).index_select(0, reads)
        branch = self.second.patches(inner, grid.granularity, unfold)
        writes = at.writes.index_select(0, active).flatten()
        if self.shortcut is not None:
            return self._base(rows, grid).index_add_(0, writes, branch).relu_()
        before = rows.index_select(0, writes)
        return rows.index_add_(0, writes, branch.add_(before).relu_().sub_(before))

    def _patches(self, rows: Tensor, grid: Grid, active: Tensor, reads: Tensor) -> Tensor:
        """The first convolution where the second one reads, with zeros outside of maps."""
        side = grid.granularity + self.kernel - 1
        around = self.stride * (self.kernel // 2) + self.kernel // 2
        at = places(grid, self.stride, around, self.kernel, False)
        read = at.reads.index_select(0, active).flatten()
        gathered = _zeroed(rows).index_select(0, read)
        inner = self.first.patches(gathered, side, unfold=False)
        outside = reads == grid.batch * grid.outgoing[0] * grid.outgoing[1]
        return inner.masked_fill_(outside[:, None], 0)

    def _hidden(self, rows: Tensor, grid: Grid) -> Tensor:
        hidden = self.first.whole(rows.view(grid.batch, *grid.incoming, -1))
        return hidden.reshape(-1, hidden.shape[-1])

    def _base(self, rows: Tensor, grid: Grid) -> Tensor:
        return rows if self.shortcut is None else self.shortcut(thinned(rows, grid, self.stride))


def _zeroed(rows: Tensor) -> Tensor:
    """Rows, and one of zeros after them."""
    return functional.pad(rows, (0, 0, 0, 1))
