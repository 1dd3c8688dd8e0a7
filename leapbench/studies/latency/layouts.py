"""Ways of running a trained network of this family, densely or under masks, to be timed."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import fuse_conv_bn_eval

from leapbench.envs.latency.dynamic import DynamicNetwork
from leapbench.envs.latency.sparse.network import SpatiallyDynamic
from leapbench.envs.latency.sparse.places import Grid

Net = Callable[[Tensor], Tensor]


def folded(network: DynamicNetwork) -> nn.Module:
    """Batch norms in the convolutions before them, channels last."""
    made: Any = deepcopy(network).eval()
    made.stem[0], made.stem[1] = fuse_conv_bn_eval(made.stem[0], made.stem[1]), nn.Identity()
    for block in made.blocks:
        for number in (1, 2, 3):
            conv, norm = getattr(block, f"conv{number}"), getattr(block, f"bn{number}")
            setattr(block, f"conv{number}", fuse_conv_bn_eval(conv, norm))
            setattr(block, f"bn{number}", nn.Identity())
        if len(block.shortcut):
            block.shortcut = nn.Sequential(fuse_conv_bn_eval(*block.shortcut))
    return made.to(memory_format=torch.channels_last)  # type: ignore[no-any-return]


def dense_layouts(network: DynamicNetwork, batch: int) -> dict[str, Net]:
    """Ways of running the network densely, none of which looks at a masker, by name."""
    eager, size = folded(network), network.shape.image
    example = torch.zeros(batch, *size).contiguous(memory_format=torch.channels_last)
    found: dict[str, Net] = {
        "channels last": eager,
        "rows (static)": SpatiallyDynamic(network, network.shape.granularity).static,
    }
    try:
        with warnings.catch_warnings():  # deprecated, and often the fastest on a processor
            warnings.simplefilter("ignore", DeprecationWarning)
            traced = torch.jit.freeze(torch.jit.trace(eager, example))  # type: ignore[no-untyped-call]
            found["frozen and traced"] = torch.jit.optimize_for_inference(traced)
    except (RuntimeError, AttributeError):
        pass  # left out where this build of PyTorch cannot
    return found


class Looking(SpatiallyDynamic):
    """A dynamic network that is given its masks and runs its maskers all the same."""

    def _mask(self, place: int, rows: Tensor, grid: Grid, masks: Any) -> Tensor:
        masker = self._maskers[place]
        assert masker is not None  # noqa: S101 - networks of the suite have them
        masker(rows, grid)
        return super()._mask(place, rows, grid, masks)


def stream(network: Net, images: Tensor, batch: int) -> Callable[[], object]:
    """A call that runs all images, in batches."""

    @torch.inference_mode()
    def run() -> None:
        for first in range(0, len(images), batch):
            network(images[first : first + batch])

    return run


def masked_stream(
    network: SpatiallyDynamic, images: Tensor, masks: Sequence[Tensor], batch: int
) -> Callable[[], object]:
    """A call that runs all images, in batches, with their masks (N, m, m), one a block."""
    parts = range(0, len(images), batch)
    given = [[mask[at : at + batch] for mask in masks] for at in parts]

    def run() -> None:
        for at, each in zip(parts, given, strict=True):
            network.sparse(images[at : at + batch], each)

    return run
