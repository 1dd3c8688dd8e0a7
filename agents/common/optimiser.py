"""What has to be known to restore an optimiser."""

from __future__ import annotations

from typing import Any

import torch


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
