"""The optimiser's rates over a training."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import nn

WARM = 0.05
"""Share of the training in which the learning rate rises."""


@dataclass(frozen=True)
class Rates:
    """Of AdamW with momenta (.9, .95): the rate falls to 0 as a cosine after a warm-up."""

    rate: float = 1.5e-3
    decay: float = 0.05


def scheduled(done: float) -> float:
    """Share of the learning rate where a share `done` of the training is behind."""
    if done < WARM:
        return max(done, 1e-3) / WARM
    return (1 + math.cos(math.pi * min(1.0, (done - WARM) / (1 - WARM)))) / 2


def groups(parts: tuple[nn.Module, ...], decay: float) -> list[dict[str, object]]:
    """Parameters with weight decay, and vectors without."""
    every = [each for part in parts for each in part.parameters() if each.requires_grad]
    return [
        {"params": [each for each in every if each.ndim > 1], "weight_decay": decay},
        {"params": [each for each in every if each.ndim <= 1], "weight_decay": 0.0},
    ]
