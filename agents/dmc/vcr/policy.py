"""VCR on soft actor-critic: consistent values of the action taken and a few random ones."""

from __future__ import annotations

from typing import Any

from leapbench.agents.common.auxiliary import Auxiliary
from leapbench.agents.dmc.common.policy import Sac


class Vcr(Sac):
    """Soft actor-critic with the losses of Eq 5.

    The action taken is held to the critic's own target, one step's reward and the soft value
    of what follows. The paper writes that target without the entropy and does not say how
    many random actions it compares.

    Args:
        ahead: K, imagined steps.
        cosine: weight of SPR's loss; the paper does not give it.
        value: weight of the value consistency; the paper does not give it.
        latent: weight of the mean squared error between latents, for the control.
        substitute: see `Auxiliary`.
        all_actions: see `Auxiliary`.
        **settings: constants of the backbone.
    """

    def __init__(
        self,
        ahead: int = 3,
        cosine: float = 1.0,
        value: float = 1.0,
        latent: float = 0.0,
        substitute: bool = True,
        all_actions: bool = True,
        **settings: Any,
    ) -> None:
        own = Auxiliary(ahead, cosine, value, latent, False, substitute, all_actions)
        super().__init__(own, **settings)
