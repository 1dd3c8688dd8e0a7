"""The one loop in which networks of this family are trained, densely or with masks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import cos, pi
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from leapbench.contract.agent import LearningPhase

Loss = Callable[[Any, Tensor, float], Tensor]
"""Scalar to minimise, from a drawn batch, its labels, and the share of the training done."""
MOMENTUM, DECAY = 0.9, 5e-5


def fit(
    phase: LearningPhase,
    stream: Any,
    groups: list[dict[str, Any]],
    loss: Loss,
    batch: int,
    warm: float = 0.0,
) -> None:
    """SGD with Nesterov's momentum, until the budget of samples pays for no further batch.

    Args:
        phase: its seed decides the order of the samples.
        stream: metered samples.
        groups: parameters with their rates "lr", which a cosine anneals to 0.
        loss: of a batch.
        batch: samples of an update.
        warm: share of the updates in which the rate rises from 0 along a line first.
    """
    optimizer = torch.optim.SGD(groups, momentum=MOMENTUM, nesterov=True, weight_decay=DECAY)
    rates = [group["lr"] for group in groups]
    each, left, size = len(stream) // batch, int(stream.meter.left), len(stream)
    steps = each * (left // size) + (left % size) // batch
    for step, (drawn, labels) in enumerate(_batches(phase, stream, batch)):
        done = step / steps
        factor = done / warm if done < warm else 0.5 * (1 + cos(pi * (done - warm) / (1 - warm)))
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * factor
        optimizer.zero_grad(set_to_none=True)
        value = loss(drawn, torch.from_numpy(labels).to(phase.device), done)
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if (step + 1) % 20 == 0 or step + 1 == steps:
            phase.log(phase.meter.used, loss=float(value.detach()))
            phase.report((step + 1) / steps, f"{phase.meter.used:,} samples")


def _batches(phase: LearningPhase, stream: Any, batch: int) -> Iterator[tuple[Any, np.ndarray]]:
    rng = np.random.default_rng(phase.seed)
    while stream.meter.left >= batch and len(stream) >= batch:
        for drawn, labels in stream.epoch(batch, rng):
            yield drawn, labels
            if stream.meter.left < batch:
                return


def on_device(images: np.ndarray, device: str) -> Tensor:
    """Images float32 (B, C, H, W) as a channels-last tensor."""
    batch = torch.from_numpy(np.ascontiguousarray(images))
    return batch.contiguous(memory_format=torch.channels_last).to(device)


def maskers(network: nn.Module, rate: float, masker_rate: float) -> list[dict[str, Any]]:
    """Parameters in two groups: all but the maskers at `rate`, the maskers at another."""
    named = list(network.named_parameters())
    groups: list[dict[str, Any]] = [
        {"params": [p for name, p in named if ".masker." not in name], "lr": rate},
        {"params": [p for name, p in named if ".masker." in name], "lr": masker_rate},
    ]
    return [group for group in groups if group["lr"] > 0]
