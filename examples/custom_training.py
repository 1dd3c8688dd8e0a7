"""A training method of one's own for the early-exit tasks, in a single file.

leapbench run earlyexit/digits examples/custom_training.py:FocalExits
leapbench run earlyexit/digits examples/custom_training.py:FocalExits --isolated --out trial
leapbench submit earlyexit/digits examples/custom_training.py:FocalExits
"""

from __future__ import annotations

import torch
from torch import Tensor

from leapbench.agents.earlyexit.common.trainer import Trainer, losses


class FocalExits(Trainer):
    """Each exit's cross-entropy, less for samples that it already answers (Lin et al., 2017).

    What it saves is a network of a registered kind, so that whoever verifies it can
    build, meter and run the network without this file.

    Args:
        gamma: 0 or more; 0 is the plain sum of the exits' losses.
        network: "msdnet" or "ranet"; the protocol gives the shape.
    """

    role = "model"

    def __init__(self, gamma: float = 1.0, network: str = "msdnet") -> None:
        super().__init__(network=network)
        self.gamma = gamma

    def loss(self, logits: list[Tensor], labels: Tensor) -> Tensor:
        """Scalar to minimise, from K logits tensors (B, classes) and labels (B,)."""
        matrix = losses(logits, labels)
        right = torch.exp(-matrix).detach()
        return ((1 - right) ** self.gamma * matrix).mean(0).sum()
