"""One batch over several processes: what has to be known of the whole of it, and its own part.

Each process has an equal part of the pictures. Where there is one process, everything here is what
it would be without this module.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel


def count() -> int:
    """Processes that share a batch; 1 where nothing is shared."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Number of this process, from 0."""
    return dist.get_rank() if count() > 1 else 0


def averaged(values: Tensor) -> Tensor:
    """Mean of a tensor over the processes, without gradient."""
    if count() == 1:
        return values
    total = values.detach().clone()
    dist.all_reduce(total)
    return total / count()


def gathered(rows: Tensor) -> Tensor:
    """The rows (M, ...) of all processes, in their order, without gradient."""
    if count() == 1:
        return rows
    every = [torch.empty_like(rows) for _ in range(count())]
    dist.all_gather(every, rows.detach().contiguous())
    return torch.cat(every)


def part(rows: Tensor) -> Tensor:
    """This process's rows of a tensor that holds those of all."""
    return rows.chunk(count())[rank()]


def shared(parts: Sequence[nn.Module], losses: Callable[..., Any]) -> nn.Module:
    """A module that gives `losses`, whose gradients are averaged over the processes.

    Args:
        parts: modules whose parameters are learned; their first weights are those of process 0.
        losses: what is called with the module's arguments.
    """
    return DistributedDataParallel(_Called(nn.ModuleList(parts), losses), static_graph=True)


class _Called(nn.Module):
    def __init__(self, parts: nn.ModuleList, called: Callable[..., Any]) -> None:
        super().__init__()
        self.parts, self.called = parts, called

    def forward(self, *given: Any) -> Any:
        return self.called(*given)


class _Sum(torch.autograd.Function):
    """Sum of a tensor over the processes; so is its gradient, since all of them depend on it."""

    @staticmethod
    def forward(_: Any, values: Tensor) -> Tensor:
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone()
        dist.all_reduce(total)
        return total


def _mean(values: Tensor) -> Tensor:
    total: Tensor = _Sum.apply(values)  # type: ignore[no-untyped-call]
    return total / count()


class Norm(nn.BatchNorm1d):
    """Batch normalisation of rows (M, width) by the statistics of all processes' rows.

    `torch.nn.SyncBatchNorm` does the same, on graphics cards alone.
    """

    def forward(self, rows: Tensor) -> Tensor:
        """Rows of the same shape."""
        if count() == 1 or not self.training:
            normed: Tensor = super().forward(rows)
            return normed
        mean = _mean(rows.mean(0))
        apart = rows - mean
        variance = _mean(apart.square().mean(0))
        self._follow(mean.detach(), variance.detach(), len(rows) * count())
        made: Tensor = apart * (variance + self.eps).rsqrt() * self.weight + self.bias
        return made

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor, number: int) -> None:
        """Move the running statistics, as one process with all rows would."""
        assert self.running_mean is not None and self.running_var is not None  # noqa: S101, PT018
        assert self.num_batches_tracked is not None  # noqa: S101 - for the type checker
        self.num_batches_tracked.add_(1)
        step = 0.1 if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, step)
        self.running_var.lerp_(variance * number / (number - 1), step)
