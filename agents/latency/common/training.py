"""The one loop in which networks of this family are trained, densely or with masks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from math import cos, pi
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from leapbench.agents.latency.common.saves import Kept, Saves
from leapbench.contract.agent import LearningPhase

Loss = Callable[[Any, Tensor, float], Tensor]
"""Scalar to minimise, from a drawn batch, its labels, and the share of the training done."""
MOMENTUM, DECAY = 0.9, 5e-5
QUIET = 30
"""Seconds after which a training says how far it is, however few updates that were."""


def fit(
    phase: LearningPhase,
    stream: Any,
    groups: list[dict[str, Any]],
    loss: Loss,
    batch: int,
    warm: float = 0.0,
    kept: Kept | None = None,
) -> None:
    """SGD with Nesterov's momentum, until the budget of samples pays for no further batch.

    With `piece` in the phase's settings a batch goes through the network in pieces of so many
    samples, as it does on several cards, and their gradients are averaged.

    Args:
        phase: its seed decides the order of the samples.
        stream: metered samples.
        groups: parameters with their rates "lr", which a cosine anneals to 0.
        loss: of a batch.
        batch: samples of an update.
        warm: share of the updates in which the rate rises from 0 along a line first.
        kept: what is saved now and then; None for a training that saves nothing.
    """
    optimizer = torch.optim.SGD(groups, momentum=MOMENTUM, nesterov=True, weight_decay=DECAY)
    rates = [group["lr"] for group in groups]
    saves = Saves(phase, optimizer, kept)
    begun = saves.begun()
    each, size = len(stream) // batch, len(stream)
    left = int(stream.meter.left) + (int(stream.meter.used) if begun else 0)
    steps = each * (left // size) + (left % size) // batch
    told = time.monotonic()
    for step, (drawn, labels) in enumerate(_batches(phase, stream, batch, begun), begun):
        done = step / steps
        factor = done / warm if done < warm else 0.5 * (1 + cos(pi * (done - warm) / (1 - warm)))
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * factor
        optimizer.zero_grad(set_to_none=True)
        value = _descended(phase, drawn, labels, loss, done)
        optimizer.step()
        if (step + 1) % 20 == 0 or step + 1 == steps:
            phase.log(phase.meter.used, loss=value)
        if (step + 1) % 20 == 0 or step + 1 == steps or time.monotonic() - told > QUIET:
            phase.report((step + 1) / steps, f"{phase.meter.used:,} samples")
            told = time.monotonic()
        saves.after(step + 1)


def _descended(
    phase: LearningPhase, drawn: np.ndarray, labels: np.ndarray, loss: Loss, done: float
) -> float:
    """Gradients of a batch, and its loss."""
    piece, total = int(phase.settings.get("piece", 0)) or len(labels), 0.0
    for start in range(0, len(labels), piece):
        part = slice(start, start + piece)
        share = len(labels[part]) / len(labels)
        value = share * loss(drawn[part], torch.from_numpy(labels[part]).to(phase.device), done)
        value.backward()  # type: ignore[no-untyped-call]
        total += float(value.detach())
    return total


def _batches(
    phase: LearningPhase, stream: Any, batch: int, begun: int
) -> Iterator[tuple[Any, np.ndarray]]:
    """Batches after the first `begun`, which were paid for before."""
    rng = np.random.default_rng(phase.seed)
    passes, given = divmod(begun, max(1, len(stream) // batch))
    for _ in range(passes):
        rng.permutation(len(stream))  # the orders of passes that are over
    while stream.meter.left >= batch and len(stream) >= batch:
        for drawn, labels in stream.epoch(batch, rng, given) if given else stream.epoch(batch, rng):
            yield drawn, labels
            if stream.meter.left < batch:
                return
        given = 0


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
