"""Runs a multi-exit network once over calibration and test samples, in batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from leapbench.envs.earlyexit.bank import Bank
from leapbench.macs import count
from leapbench.tasks.earlyexit.splits import Split

BATCH = 500


def bank_of(network: nn.Module, split: Split, name: str) -> Bank:
    """Softmax of every exit for every sample, and what each exit costs.

    Args:
        network: multi-exit module in evaluation mode; `forward` gives K logits
            tensors (B, classes).
        split: the samples.
        name: name of the bank.
    """
    outputs = []
    with torch.inference_mode():
        for start in range(0, len(split.labels), BATCH):
            batch = torch.from_numpy(split.images[start : start + BATCH])
            logits = network(batch.contiguous(memory_format=torch.channels_last))
            outputs.append(torch.stack([z.softmax(1) for z in logits], 1))
    costs = count(network, tuple(split.images.shape[1:]))
    return Bank(
        probabilities=torch.cat(outputs).numpy(),
        labels=split.labels,
        costs=np.asarray(costs, np.int64),
        name=name,
    )


def anytime(bank: Bank) -> list[dict[str, Any]]:
    """Accuracy of every exit over the whole bank at its multiply-adds."""
    return [
        {"exit": k + 1, "multiply_adds": int(cost), "accuracy": float(bank.correct[:, k].mean())}
        for k, cost in enumerate(bank.costs)
    ]
