"""Clipping of gradients, and what has to be known to restore an optimiser."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn


def restore(optimiser: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Load a saved state, with moments laid out in memory as their parameters are.

    Files hold tensors in plain order, and a fused step reads moments and parameters of
    convolutions in the order in which they lie.
    """
    optimiser.load_state_dict(state)
    for parameter, kept in optimiser.state.items():
        for name, value in kept.items():
            if isinstance(value, torch.Tensor) and value.shape == parameter.shape:
                kept[name] = torch.empty_like(parameter).copy_(value).detach()


def clip(parameters: Iterable[nn.Parameter], largest: float) -> None:
    """Scale the gradients down to a norm of `largest` together, where it is more.

    Torch's own function multiplies them in any case, which takes as long as the norm.
    """
    gradients = [each.grad for each in parameters if each.grad is not None]
    if not gradients:
        return
    norm = float(torch.stack(torch._foreach_norm(gradients)).norm())
    if norm > largest:
        torch._foreach_mul_(gradients, largest / norm)
