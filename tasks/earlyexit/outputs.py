"""Runs a multi-exit network once over calibration and test samples, in batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from leapbench.envs.exits.predictions import PredictionCache
from leapbench.errors import InvalidOutput
from leapbench.macs import count
from leapbench.tasks.earlyexit.splits import Split

BATCH = 500


class Metered(Protocol):
    """A multi-exit network that is run and counted by other means than PyTorch's."""

    def logits(self, images: np.ndarray) -> Sequence[Any]:
        """K arrays float32 (B, classes), in the order of the exits, for float32 (B, C, H, W)."""

    def multiply_adds(self, image: tuple[int, int, int]) -> list[int]:
        """Cumulative multiply-adds of every exit for an image of size (C, H, W)."""


class _Module:
    """A PyTorch module as a `Metered` network, in evaluation mode already, on a device."""

    def __init__(self, network: nn.Module, device: str) -> None:
        self.network, self.device = network.to(device), device

    def logits(self, images: np.ndarray) -> Sequence[Any]:
        batch = torch.from_numpy(images).contiguous(memory_format=torch.channels_last)
        return self.network(batch.to(self.device))  # type: ignore[no-any-return]

    def multiply_adds(self, image: tuple[int, int, int]) -> list[int]:
        return count(self.network, image)


def predictions_of(
    network: nn.Module | Metered, split: Split, name: str, device: str = "cpu"
) -> PredictionCache:
    """Softmax of every exit for every sample, and what each exit costs.

    Args:
        network: multi-exit module in evaluation mode, whose `forward` gives K
            logits tensors (B, classes), or a network that is run elsewhere.
        split: the samples.
        name: name of the prediction cache.
        device: where a module runs and stays, as torch names it.

    Raises:
        InvalidOutput: when a logit is not finite.
    """
    exits = _Module(network, device) if isinstance(network, nn.Module) else network
    outputs = []
    with torch.inference_mode():
        for start in range(0, len(split.labels), BATCH):
            logits = exits.logits(split.images[start : start + BATCH])
            outputs.append(torch.stack([_softmax(k, z) for k, z in enumerate(logits)], 1))
    costs = exits.multiply_adds(tuple(split.images.shape[1:]))
    return PredictionCache(
        probabilities=torch.cat(outputs).cpu().numpy(),
        labels=split.labels,
        costs=np.asarray(costs, np.int64),
        name=name,
    )


def anytime(predictions: PredictionCache) -> list[dict[str, Any]]:
    """Accuracy of every exit over the whole prediction cache at its multiply-adds."""
    return [
        {
            "exit": k + 1,
            "multiply_adds": int(cost),
            "accuracy": float(predictions.correct[:, k].mean()),
        }
        for k, cost in enumerate(predictions.costs)
    ]


def _softmax(place: int, logits: Any) -> Tensor:
    values = torch.as_tensor(logits)
    if not torch.isfinite(values).all():
        raise InvalidOutput(f"a logit of exit {place + 1} is not finite")
    return values.softmax(1)
