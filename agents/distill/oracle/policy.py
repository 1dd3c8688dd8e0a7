"""What could be had by knowing which plain rule ends best."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.agents.distill.common.arms import NAMES, arm
from leapbench.agents.distill.common.look import Look
from leapbench.agents.distill.common.selector import Selector
from leapbench.envs.distill.choices import Decision
from leapbench.envs.distill.episode import Episode
from leapbench.envs.distill.exam import examined
from leapbench.envs.distill.observation import observe
from leapbench.envs.distill.world import World
from leapbench.errors import UserError


class Oracle(Selector):
    """Plays copies of each episode by every rule, and follows the one best on test pairs.

    It looks at what nobody may see and pays for one of its plays alone: shown, not ranked. The
    rules are few, so that it is no bound that nothing could pass.

    Args:
        tau: as of `Selector`; the rules have their own.
        alpha: as of `Selector`; likewise.
        tuned: as of `Selector`; not used.
    """

    privileged = True

    def __init__(self, tau: float = 4.0, alpha: float = 0.5, tuned: bool = False) -> None:
        super().__init__(tau, alpha, False)
        self.best: list[Selector] = []

    def bind(self, env: Any) -> None:
        """Try the rules out on the episodes of a vector environment that has been reset."""
        rules = [arm(name, self.sizes) for name in NAMES]
        found = np.array([played(env.rules.world, env.episodes, rule) for rule in rules])
        self.best = [rules[at] for at in found.argmax(axis=0)]

    def chosen(self, place: int, look: Look) -> Decision:
        """See `Selector.chosen`.

        Raises:
            UserError: before `bind`.
        """
        if place >= len(self.best):
            raise UserError("The oracle looks at the truth.", "Call bind(env) on a reset one.")
        return self.best[place].decide(look)

    def growth(self, look: Look) -> tuple[int, ...]:
        """Not asked for."""
        return ()

    def pick(self, look: Look) -> dict[int, float]:
        """Not asked for."""
        return {}


def played(world: World, episodes: list[Episode], rule: Selector) -> NDArray[np.float64]:
    """Test accuracy of copies of episodes that a rule plays to their end, (S,)."""
    copies = [deepcopy(episode) for episode in episodes]
    setup = world.setup
    while going := [one for one in copies if not one.over and one.rounds < world.longest]:
        looks = [Look(observe(one), setup.trajectories, setup.blocks) for one in going]
        world.advance(going, [rule.decide(look) for look in looks])
    return np.array([examined(one) for one in copies])
