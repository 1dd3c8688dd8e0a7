"""Plain rules that learning agents and the oracle choose among."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.agents.distill.common.selector import Selector
from leapbench.agents.distill.selectors.rules import NoTeacher, Share

NAMES = ("none", "smoothing", "0.25", "0.5", "0.75", "1.0", "0.5,1.0", "two runs")


def arm(name: str, sizes: Mapping[str, int]) -> Selector:
    """A rule of `NAMES`, ready to act."""
    found: Selector
    if name in ("none", "smoothing"):
        found = NoTeacher(smoothing=0.1 if name == "smoothing" else 0.0)
    elif name == "two runs":
        found = Share("1.0", runs=2)
    else:
        found = Share(name)
    found.sizes = dict(sizes)
    return found


class Each:
    """A rule of its own for every episode of a batch.

    Args:
        rules: one an episode.
    """

    def __init__(self, rules: Sequence[Selector]) -> None:
        self.rules = rules

    def predict(
        self,
        observation: NDArray[np.float32],
        state: Any = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[np.float32], Any]:
        """What each rule does in its episode."""
        pairs = zip(self.rules, observation, strict=True)
        return np.concatenate([rule.predict(row[None])[0] for rule, row in pairs]), state
