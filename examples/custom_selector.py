"""A rule of one's own for which checkpoint teaches: the first that knows the training pairs.

`leapbench run distill/digit-pairs examples/custom_selector.py:Convinced` scores it beside the
suite's. It grows one teacher until its training accuracy reaches `enough`, and learns from
that checkpoint; what is not spent on the teacher is left over.
"""

from __future__ import annotations

from collections.abc import Sequence

from leapbench.agents.distill.common.look import Look
from leapbench.agents.distill.common.selector import Selector
from leapbench.envs.distill.observation import Slot


class Convinced(Selector):
    """Stops growing the teacher when it knows the training pairs well enough.

    Args:
        enough: training accuracy at which the teacher is kept.
        tau: temperature.
        alpha: weight of the labels.
        tuned: whether both are chosen by practice.
    """

    def __init__(
        self, enough: float = 0.9, tau: float = 4.0, alpha: float = 0.5, tuned: bool = False
    ) -> None:
        super().__init__(tau, alpha, tuned)
        self.enough = enough

    def growth(self, look: Look) -> Sequence[int]:
        """One more checkpoint while the newest one is not good enough."""
        newest = look.of(0, 1.0)
        good = newest >= 0 and look.slots[newest, Slot.TRAIN] >= self.enough
        return (look.reached(0) + (not good),)

    def pick(self, look: Look) -> dict[int, float]:
        """The newest checkpoint teaches."""
        newest = look.of(0, 1.0)
        return {newest: 1.0} if newest >= 0 else {}
