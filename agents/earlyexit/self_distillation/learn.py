"""Self-distillation: the last exit teaches the earlier ones."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from leapbench.agents.common.bounds import bounded
from leapbench.agents.earlyexit.common.trainer import Trainer, losses


class SelfDistillation(Trainer):
    """Cross-entropy at every exit, softened at all but the last by its own teacher.

    Zhang et al., "Be Your Own Teacher" (ICCV 2019), logits term only.

    Args:
        alpha: share of the distillation term, in [0, 1].
        temperature: of both softmaxes.
        network: "msdnet" or "ranet".
        lr_factor: multiplies the protocol's learning rate.
    """

    def __init__(
        self,
        alpha: float = 0.3,
        temperature: float = 3.0,
        network: str = "msdnet",
        lr_factor: float = 1.0,
    ) -> None:
        super().__init__(network=network, lr_factor=lr_factor)
        self.alpha, self.temperature = alpha, temperature
        bounded(self, {}, positive=("temperature",), shares=("alpha",))

    def loss(self, logits: list[Tensor], labels: Tensor) -> Tensor:
        """(1 - alpha) CE + alpha T^2 KL(last || exit) for k < K; CE for exit K."""
        ce = losses(logits, labels).mean(0)
        teacher = (logits[-1].detach() / self.temperature).log_softmax(1)
        divergence = torch.stack(
            [
                functional.kl_div(
                    (z / self.temperature).log_softmax(1),
                    teacher,
                    reduction="batchmean",
                    log_target=True,
                )
                for z in logits[:-1]
            ]
        )
        taught = (1.0 - self.alpha) * ce[:-1] + self.alpha * self.temperature**2 * divergence
        return taught.sum() + ce[-1]
