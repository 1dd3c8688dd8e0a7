"""Steps of networks: Adam on a module, and targets that follow their source."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor, nn


class Descent(nn.Module):
    """Adam on one module, fed with losses; constants but the rate are Adam's usual ones.

    Gradients are taken for the module alone: a loss that passes through another network
    does not compute that one's.

    Args:
        module: whose parameters are learned.
        rate: learning rate.
    """

    def __init__(self, module: nn.Module, rate: float) -> None:
        super().__init__()
        self._of = (module,)  # in a tuple, so that it is no part of this one
        self._rate = rate
        self.register_buffer("count", torch.zeros(()))
        for name in ("mean", "square"):
            for i, each in enumerate(self._wanted()):
                self.register_buffer(f"{name}_{i}", torch.zeros_like(each))
        self._listed()

    def _wanted(self) -> list[Tensor]:
        return [p for p in self._of[0].parameters() if p.requires_grad]

    def _listed(self) -> None:
        """Keep parameters and buffers at hand as lists, which is what the step takes."""
        self._learned = self._wanted()
        places = range(len(self._learned))
        self._count = self.get_buffer("count")
        self._means = [self.get_buffer(f"mean_{i}") for i in places]
        self._squares = [self.get_buffer(f"square_{i}") for i in places]

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Move or convert; what was listed becomes other tensors then."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self._listed()
        return self

    @torch.no_grad()
    def forward(self, loss: Tensor) -> None:
        """One step down a scalar loss."""
        gradients = torch.autograd.grad(loss, self._learned)
        self._count.add_(1)
        # What torch.optim.Adam(fused=True) calls, without its checks at every step.
        torch._fused_adam_(
            self._learned,
            gradients,
            self._means,
            self._squares,
            [],
            [self._count] * len(gradients),
            lr=self._rate,
            beta1=0.9,
            beta2=0.999,
            weight_decay=0.0,
            eps=1e-8,
            amsgrad=False,
            maximize=False,
        )


@torch.no_grad()
def follow(target: nn.Module, source: nn.Module, tau: float) -> None:
    """Let every parameter of `target` become tau * that of `source` + (1 - tau) * itself."""
    torch._foreach_lerp_(list(target.parameters()), list(source.parameters()), tau)
