"""VCR: SPR without its predictor, plus consistent values of imagined and real states."""

from __future__ import annotations

from typing import Any

from leapbench.agents.atari100k.common.policy import Rainbow
from leapbench.agents.common.auxiliary import Auxiliary


class Vcr(Rainbow):
    """Rainbow with the losses of Eq 5.

    On distributions the squared error of Eq 6 is a cross-entropy.

    Args:
        ahead: K, imagined steps.
        cosine: weight of SPR's loss; the paper does not give it, SPR's is the default.
        value: weight of the value consistency; the paper does not give it.
        latent: weight of the mean squared error between latents, for the control.
        substitute: see `Auxiliary`.
        all_actions: see `Auxiliary`.
        **settings: see `Rainbow`.
    """

    def __init__(
        self,
        ahead: int = 5,
        cosine: float = 2.0,
        value: float = 1.0,
        latent: float = 0.0,
        substitute: bool = True,
        all_actions: bool = True,
        **settings: Any,
    ) -> None:
        own = Auxiliary(ahead, cosine, value, latent, False, substitute, all_actions)
        super().__init__(own, **settings)
