"""A trained residual network, run densely or block-sparsely under masks of its active cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from leapbench.envs.latency.costs import Costs, Plan
from leapbench.envs.latency.device import processor
from leapbench.envs.latency.sparse.basic import Basic
from leapbench.envs.latency.sparse.bottleneck import Bottleneck
from leapbench.envs.latency.sparse.ends import Head, Masker, Stem
from leapbench.envs.latency.sparse.places import Grid
from leapbench.errors import UserError

Masks = Sequence[Tensor | None]
Step = Callable[[int, Tensor, Grid], Tensor]


class SpatiallyDynamic:
    """A residual network whose blocks' branches are computed in active cells alone.

    It is made from a trained network as torchvision builds them (`conv1`, `bn1`, `maxpool`,
    `layer1` to `layer4`, `fc`), or one of the suite (`stem`, `blocks`, `classifier`). Batch
    norms are folded; the network that was given stays as it is. Which cells are active is said
    by each block's `masker`, a 1x1 convolution to scores of keeping and skipping of the pooled
    input, or by masks that the caller gives.

    Args:
        network: a trained network; its numbers are copied.
        granularity: side of a mask's cell in each stage, in outgoing places; divides the map.
        maskers: one a block, in the place of the blocks' own.
        costs: how long what takes on this processor; decides which of the equivalent plans is
            taken. None for the profile that `leapbench calibrate` stored, else the suite's.

    Raises:
        UserError: for a network that is built otherwise.

    Example:
        dynamic = SpatiallyDynamic(resnet, (8, 4, 7, 1))
        logits = dynamic.sparse(images, masks)
    """

    def __init__(
        self,
        network: nn.Module,
        granularity: Sequence[int],
        maskers: Sequence[nn.Conv2d] | None = None,
        costs: Costs | None = None,
    ) -> None:
        stages = list(_stages(network))
        if len(granularity) != len(stages):
            raise UserError(f"{len(stages)} stages need as many granularities, not {granularity}.")
        if network.training:
            raise UserError("Call eval() on the network first: its norms are folded as they are.")
        self._stem, self._head = Stem(network), Head(network)
        self._blocks = [_block(each) for stage in stages for each in stage]
        sides = [[side] * len(stage) for side, stage in zip(granularity, stages, strict=True)]
        self._sides = [side for stage in sides for side in stage]
        own = [getattr(block, "masker", None) for stage in stages for block in stage]
        given = own if maskers is None else list(maskers)
        if len(given) != len(own):
            raise UserError(f"{len(own)} blocks need as many maskers, got {len(given)}.")
        self._maskers = [None if each is None else Masker(each) for each in given]
        self._costs = costs or processor()
        self._plans: dict[tuple[int, Grid], list[Plan]] = {}
        _agree(self.static, network)

    def static(self, images: Tensor) -> Tensor:
        """Logits (B, classes) of images (B, C, H, W): no masks, everything computed."""
        return self._run(images, lambda place, rows, grid: self._blocks[place].whole(rows, grid))

    def dense(self, images: Tensor, masks: Masks | None = None) -> Tensor:
        """Logits (B, classes): everything computed, and branches multiplied by the masks.

        Args:
            images: (B, C, H, W).
            masks: one a block, (B, 1, m, m) or (B, m, m), not 0 where a cell is active. None in
                the place of one asks the block's masker, in the place of all every block's.
        """

        def step(place: int, rows: Tensor, grid: Grid) -> Tensor:
            mask = self._mask(place, rows, grid, masks)
            return self._blocks[place].whole(rows, grid, mask)

        return self._run(images, step)

    def sparse(self, images: Tensor, masks: Masks | None = None) -> Tensor:
        """What `dense` gives, to rounding; branches are computed in active cells alone."""

        def step(place: int, rows: Tensor, grid: Grid) -> Tensor:
            active = self._mask(place, rows, grid, masks).nonzero().squeeze(1)
            plans = self._plans.get((place, grid))
            if plans is None:
                plans = self._plans[place, grid] = self._blocks[place].plans(grid, self._costs)
            return self._blocks[place].sparse(rows, grid, active, plans[len(active)])

        return self._run(images, step)

    def masks(self, images: Tensor) -> list[Tensor]:
        """What the maskers find, one bool (B, 1, m, m) a block."""
        found: list[Tensor] = []

        def step(place: int, rows: Tensor, grid: Grid) -> Tensor:
            mask = self._mask(place, rows, grid, None)
            found.append(mask.view(grid.batch, 1, *grid.cells))
            return self._blocks[place].whole(rows, grid, mask)

        self._run(images, step)
        return found

    @torch.inference_mode()
    def _run(self, images: Tensor, step: Step) -> Tensor:
        rows, size = self._stem(images)
        for place, (block, side) in enumerate(zip(self._blocks, self._sides, strict=True)):
            grid = Grid(len(images), size, block.outgoing(size), side)
            rows, size = step(place, rows, grid), grid.outgoing
        return self._head(rows, len(images))

    def _mask(self, place: int, rows: Tensor, grid: Grid, masks: Masks | None) -> Tensor:
        """Bool (batch * cells,)."""
        if any(side % grid.granularity for side in grid.outgoing):
            raise UserError(
                f"The granularity of block {place}, {grid.granularity}, must divide the sides of "
                f"its map, {grid.outgoing}."
            )
        given, masker = None if masks is None else masks[place], self._maskers[place]
        if given is not None:
            if given.numel() != grid.count or given.shape[-2:] != grid.cells:
                raise UserError(
                    f"The mask of block {place} is {tuple(given.shape)}, expected "
                    f"({grid.batch}, {grid.cells[0]}, {grid.cells[1]})."
                )
            return given.reshape(-1) != 0
        if masker is None:
            raise UserError(f"Block {place} has no masker: give its mask, or maskers.")
        return masker(rows, grid)


def _block(block: nn.Module) -> Bottleneck | Basic:
    return Bottleneck(block) if hasattr(block, "conv3") else Basic(block)


def _stages(network: Any) -> Iterator[Sequence[nn.Module]]:
    """Blocks of each stage."""
    if isinstance(getattr(network, "blocks", None), nn.ModuleList):
        places = [block.block.stage for block in network.blocks]
        for stage in sorted(set(places)):
            yield [b for b, at in zip(network.blocks, places, strict=True) if at == stage]
        return
    names = [f"layer{number}" for number in range(1, 9)]
    found = [getattr(network, name) for name in names if hasattr(network, name)]
    if not found:
        raise UserError(f"{type(network).__name__} has neither `layer1`, ... nor `blocks`.")
    yield from (list(stage) for stage in found)


def _agree(static: Callable[[Tensor], Tensor], network: nn.Module) -> None:
    """Check on an image of noise that the network is what its layers' names say.

    Raises:
        UserError: when it computes something else.
    """
    first = next(each for each in network.modules() if isinstance(each, nn.Conv2d))
    probe = torch.randn(1, first.in_channels, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = network(probe)
    if not torch.allclose(static(probe), expected, rtol=1e-3, atol=1e-3 * float(expected.std())):
        raise UserError(
            f"{type(network).__name__} computes something else than a residual network of its "
            "stem, blocks and linear classifier."
        )
