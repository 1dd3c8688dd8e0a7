"""The control: SPR's backbone with its augmentation, and nothing besides."""

from __future__ import annotations

from typing import Any

from leapbench.agents.atari100k.common import policy
from leapbench.agents.common.auxiliary import Auxiliary


class Rainbow(policy.Rainbow):
    """See `leapbench.agents.atari100k.common.policy.Rainbow`.

    Args:
        **settings: its `epsilon`, and constants of the backbone.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(Auxiliary(), **settings)
