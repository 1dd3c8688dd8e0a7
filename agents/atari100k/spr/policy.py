"""SPR: imagined latents resemble real ones, by the cosine of the head's first layers."""

from __future__ import annotations

from typing import Any

from leapbench.agents.atari100k.common.policy import Rainbow
from leapbench.agents.common.auxiliary import Auxiliary


class Spr(Rainbow):
    """Rainbow with SPR's loss.

    Args:
        ahead: K, imagined steps.
        cosine: weight of the sum over k of 1 - cos; 2 is the released code's 5 times the
            mean over its 5 steps of the squared distance.
        **settings: see `Rainbow`.
    """

    def __init__(self, ahead: int = 5, cosine: float = 2.0, **settings: Any) -> None:
        super().__init__(Auxiliary(ahead, cosine=cosine, predictor=True), **settings)
