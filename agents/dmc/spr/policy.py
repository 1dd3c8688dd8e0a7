"""SPR on soft actor-critic: imagined latents resemble real ones."""

from __future__ import annotations

from typing import Any

from leapbench.agents.common.auxiliary import Auxiliary
from leapbench.agents.dmc.common.policy import Sac


class Spr(Sac):
    """Soft actor-critic with SPR's loss.

    Args:
        ahead: K, imagined steps.
        cosine: weight of the sum over k of 1 - cos.
        **settings: constants of the backbone.
    """

    def __init__(self, ahead: int = 3, cosine: float = 1.0, **settings: Any) -> None:
        super().__init__(Auxiliary(ahead, cosine=cosine, predictor=True), **settings)
