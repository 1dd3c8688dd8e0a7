"""Adam on a list of tensors, by torch's fused kernel without the optimiser around it."""

from __future__ import annotations

import torch
from torch import Tensor


class Adam:
    """Adam with moments of 0.9 and 0.99.

    Args:
        values: what is optimised, in place.
        rate: step size.
    """

    def __init__(self, values: list[Tensor], rate: float) -> None:
        self.values, self.rate = values, rate
        self.means = [torch.zeros_like(value) for value in values]
        self.squares = [torch.zeros_like(value) for value in values]
        self.counts = [torch.zeros((), device=value.device) for value in values]

    @torch.no_grad()
    def step(self, gradients: list[Tensor]) -> None:
        """Move against the gradients, which are as many and of the same shapes."""
        torch._foreach_add_(self.counts, 1.0)
        torch._fused_adam_(
            self.values, gradients, self.means, self.squares, [], self.counts,
            lr=self.rate, beta1=0.9, beta2=0.99, weight_decay=0.0, eps=1e-8,
            amsgrad=False, maximize=False,
        )  # fmt: skip

    def copy(self, values: list[Tensor]) -> Adam:
        """The same state for copies of the values."""
        other = Adam(values, self.rate)
        for name in ("means", "squares", "counts"):
            setattr(other, name, [tensor.clone() for tensor in getattr(self, name)])
        return other
