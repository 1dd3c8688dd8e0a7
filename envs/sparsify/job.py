"""What decides a training: pictures, network, optimiser, budgets, as validated data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from leapbench.envs.refusals import amount, amounts, count
from leapbench.envs.sparsify import measures
from leapbench.envs.sparsify.data import Where
from leapbench.errors import UserError, unknown

NETWORKS = ("small", "deeplab")
WIDTHS = (0.05, 32.0)
"""Least and greatest factor of the channels; with less there would be none."""


@dataclass(frozen=True)
class Job:
    """Everything that decides a training but for its seed and the masks.

    Attributes:
        where: the pictures.
        network: "small" or "deeplab".
        width: factor of all channels of the small network.
        blocks: residual blocks of the small network.
        separate: a backbone for each task; the budget stays that of the shared network.
        sparsity: share of the prunable weights that must be 0 at the end, in [0, 1).
        iterations: updates.
        batch: pictures of an update.
        lr: learning rate of Adam at the beginning; it falls to 0 along a cosine.
        halve_every: halve the learning rate after so many updates instead; 0 for the cosine.
        decay: weight decay (L2, as Adam has it).
        tasks: of `measures.TASKS`; None for all that there is truth for.
        lambdas: weights of their losses.
        dense_until: share of the iterations up to which masks may have more than the budget.
        compute: limit of the training's multiply-adds, as a share of a dense training's.
        mirror: flip half of the training batches.
        device: as torch names it.

    Raises:
        UserError: for a value out of its range.
    """

    where: Where = field(default_factory=Where)
    network: str = "small"
    width: float = 1.0
    blocks: int = 2
    separate: bool = False
    sparsity: float = 0.9
    iterations: int = 1200
    batch: int = 16
    lr: float = 3e-3
    halve_every: int = 0
    decay: float = 1e-4
    tasks: tuple[str, ...] | None = None
    lambdas: tuple[float, ...] = (1.0, 2.0, 2.0)
    dense_until: float = 0.75
    compute: float = 1.0
    mirror: bool = False
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.network not in NETWORKS:
            raise unknown("network", str(self.network), NETWORKS)
        for name, most in (("blocks", 100), ("iterations", 10_000_000), ("batch", 100_000)):
            count(name, getattr(self, name), 1, most)
        count("halve_every", self.halve_every, 0)
        amount("width", self.width, *WIDTHS)
        for name in ("lr", "compute"):
            amount(name, getattr(self, name), 0, 1e3, above=True)
        amount("decay", self.decay, 0, 1e3)
        amount("dense_until", self.dense_until, 0, 1)
        if amount("sparsity", self.sparsity, 0, 1) == 1:
            raise UserError("sparsity must be below 1: a network without weights learns nothing.")
        if not any(amounts("lambdas", self.lambdas, 0, 1e6)):
            raise UserError(f"lambdas must not all be 0, got {self.lambdas}.")
        try:
            torch.device(self.device)
        except (RuntimeError, TypeError):
            raise UserError(f"There is no device {self.device!r}.", "Try cpu or cuda.") from None


def sized(size: Any) -> tuple[int, int]:
    """Height and width from an argument: pixels of both edges, or of each.

    Raises:
        UserError: for anything else.
    """
    pair = (size, size) if isinstance(size, int | np.integer) else size
    if isinstance(pair, str) or not hasattr(pair, "__len__") or len(pair) != 2:
        raise UserError(f"size must be pixels, or (height, width), got {size!r}.")
    return count("height", pair[0], 1, 4096), count("width of pictures", pair[1], 1, 4096)


def referenced(reference: Any, tasks: tuple[str, ...]) -> dict[str, float]:
    """Metrics that gains are relative to, one for each metric of the tasks.

    Raises:
        UserError: when one is missing, or is no number.
    """
    names = [name for task in tasks for name in measures.METRICS[task]]
    if not isinstance(reference, Mapping) or not set(names) <= set(reference):
        raise UserError(f"reference must give {', '.join(names)}, got {reference!r}.")
    return {name: amount(f"reference {name}", reference[name], 0, math.inf) for name in names}
