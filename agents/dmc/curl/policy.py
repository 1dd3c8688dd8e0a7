"""CURL: two random shifts of one observation resemble each other more than those of others."""

from __future__ import annotations

from typing import Any

from leapbench.agents.common.auxiliary import Auxiliary
from leapbench.agents.dmc.common.policy import Sac


class Curl(Sac):
    """Soft actor-critic with CURL's loss, for pixels.

    Args:
        contrast: its weight.
        **settings: constants of the backbone.
    """

    def __init__(self, contrast: float = 1.0, **settings: Any) -> None:
        super().__init__(Auxiliary(), contrast, **settings)
