"""The control: soft actor-critic and nothing besides."""

from __future__ import annotations

from typing import Any

from leapbench.agents.common.auxiliary import Auxiliary
from leapbench.agents.dmc.common import policy


class Sac(policy.Sac):
    """See `leapbench.agents.dmc.common.policy.Sac`.

    Args:
        **settings: constants of the backbone; with `views = 2` it is DrQ.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(Auxiliary(), **settings)
