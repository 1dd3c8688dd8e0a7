"""Everything computed everywhere, for as long as the budget lasts."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from leapbench.agents.latency.common.masks import Flags, Floats, MaskPolicy


class Static(MaskPolicy):
    """The network without maskers, trained on for as many samples as others learn masks from.

    Nothing is held back for later images: once the budget cannot pay a block any more, the rest
    of the stream passes on what came in.

    Args:
        alpha: of the distillation from the network as it was; 0 for none.
        temperature: of the distillation.
        rate: learning rate at the start; a cosine anneals it to 0.
        batch: images of an update.
    """

    masked: ClassVar[bool] = False

    def __init__(
        self, alpha: float = 0.0, temperature: float = 4.0, rate: float = 0.04, batch: int = 64
    ) -> None:
        super().__init__("", alpha, temperature, rate, batch)

    def trained_mask(self, block: int, x: Tensor, index: NDArray[np.int64], done: float) -> Tensor:
        """All cells."""
        side = self._side(block)
        return torch.ones((len(x), 1, side, side), device=x.device)

    @property
    def settings(self) -> int:
        """There is nothing to turn."""
        return 1

    def kept(self, block: int, scores: Floats, energy: Floats, knob: NDArray[np.int64]) -> Flags:
        """All cells."""
        return np.ones_like(scores, np.bool_)
