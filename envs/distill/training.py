"""Runs many updates of a stack over fixed tables of inputs, labels and targets."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from leapbench.envs.distill.stack import CHUNK, Stack

Rows = NDArray[np.int64]
Slopes = Callable[[slice, Tensor, Tensor], Tensor]
"""From networks, outputs (S, B, C) and batch rows int64 (S, B) to the gradient by the outputs."""


def rows(
    samples: int, views: int, batch: int, epochs: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Rows of a table (samples * views, ...), int64 (updates, batch), in a fresh order each epoch.

    Every sample is met once an epoch, in one of its views; what fills no batch is left out.
    """
    size = min(batch, samples)
    kept = samples // size * size
    drawn = [
        rng.permutation(samples)[:kept] * views + rng.integers(views, size=kept)
        for _ in range(epochs)
    ]
    return np.concatenate(drawn).reshape(-1, size)


def train(
    stack: Stack,
    table: Tensor,
    starts: Tensor,
    order: Tensor,
    rates: Tensor,
    slopes: Slopes,
) -> None:
    """Update every network of a stack in place, some at a time.

    Args:
        stack: the networks.
        table: inputs (R, D), of one or several sets of data.
        starts: int64 (S,), where each network's data begins in the table.
        order: int64 (S, updates, B), rows of each network's data.
        rates: learning rates (S, updates).
        slopes: gives the gradient of the loss; rows are those of each network's own data.
    """
    for start in range(0, len(stack), CHUNK):
        part = slice(start, min(start + CHUNK, len(stack)))
        some = Stack(stack.shape, stack.weights[part], stack.velocity[part])
        count, updates, batch = order[part].shape
        for update in range(updates):
            own = order[part, update]
            at = (own + starts[part, None]).view(-1)
            x = table.index_select(0, at).view(count, batch, -1)
            slope = partial(_slope, slopes, part, own)
            some.update(x, slope, rates[part, update, None])


def _slope(slopes: Slopes, part: slice, own: Tensor, out: Tensor) -> Tensor:
    return slopes(part, out, own)


WARM = 0.05
"""Share of all updates over which a rate grows from 0: without it units of ReLU die."""


def _warm(at: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.minimum(1.0, at / WARM)


def cosine(updates: int, first: int, last: int, peak: float) -> NDArray[np.float32]:
    """Rates of updates `first` to `last` of `updates` in all, from `peak` towards 0."""
    at = np.arange(first, last) / updates
    return np.asarray(peak * _warm(at) * 0.5 * (1 + np.cos(np.pi * at)), np.float32)


def steps(updates: int, first: int, last: int, peak: float) -> NDArray[np.float32]:
    """A tenth of the rate after 30, 60 and 90 % (the released code: epochs 60, 120, 180 of 200)."""
    at = np.arange(first, last) / updates
    tenths = np.searchsorted([0.3, 0.6, 0.9], at, side="right")
    return np.asarray(peak * _warm(at) * np.power(0.1, tenths), np.float32)


SCHEDULES = {"cosine": cosine, "step": steps}


def tensor(array: NDArray[np.floating] | Rows) -> Tensor:
    """An array as a tensor that shares its memory."""
    return torch.from_numpy(np.ascontiguousarray(array))
