"""What should be asked about next?"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from leapbench.envs.knowledge.batches import Batch, joined
from leapbench.envs.knowledge.words import ASKED, STOP, TOPICS
from leapbench.envs.knowledge.world import LearningEnv, Observation, checked
from leapbench.envs.refusals import whole


class KnowledgeQueryEnv(LearningEnv):
    """Buy what is to be known about a word.

    ## Description

    A small CLIP has learned from captions, and the graph is hidden. In each step the agent
    names a colour or shape and what it wants of it: `buy` triplets of objects that have it, or
    the triplets between it and other words. The network then learns `updates` times from all
    that was bought so far and from captions, half and half. Every word's second purchase
    brings further objects, and the same facts.

    ## Action Space

    `Discrete(23)`: word k's objects (k), its facts (11 + k), or 22 to stop. Words are numbered
    colours first, by their place in the world.

    ## Observation Space

    `Box(-1, 1, (32,))`: the first ten numbers of the curriculum's observation; how often the
    objects, and the facts, of each word were bought, over `horizon`.

    ## Rewards

    The change of the mean of three probes, less what retrieval has lost; see the curriculum.

    ## Starting State

    A world drawn from `worlds` of them, and its start.

    ## Episode End

    Terminated by action 22, truncated after `horizon` steps.

    ## Arguments

    `buy`: triplets of a purchase. The others: see `leapbench.envs.knowledge.world.LearningEnv`.

    ## Version History

    * v0: first.
    """

    drawn_from = ASKED

    def __init__(self, buy: int = 16, **settings: Any) -> None:
        super().__init__(**settings)
        checked({"buy": buy}, {"buy": 1})
        self.buy = buy
        self.action_space = gym.spaces.Discrete(STOP + 1)
        self.observation_space = gym.spaces.Box(-1.0, 1.0, (10 + STOP,), np.float32)

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Buy, and learn `updates` times; see the class.

        Raises:
            InvalidAction: for an action outside.
            ResetNeeded: before the first `reset`, and after the end.
        """
        self._live()
        chosen = whole(action, STOP + 1)
        if chosen == STOP:
            self.over = True
            return self._observe(), 0.0, True, False, self._info()
        self.counts[chosen] += 1
        what, topic = divmod(chosen, TOPICS)
        of = self.sources.objects if ASKED[what] == "objects" else self.sources.about
        self.bought.append(of(topic, self.buy, self.np_random))
        self.spent += self.buy
        name = (*self.sources.words.colours, *self.sources.words.shapes)[topic]
        self.latest = f"{ASKED[what]} of {name}"
        batches = [self._batch() for _ in range(self.updates)]
        kinds = {ASKED[what]: self.buy}
        out: tuple[Observation, float, bool, bool, dict[str, Any]] = self._advance(
            batches, kinds, self.bought[-1:]
        )
        return out

    def _begin(self) -> None:
        self.counts = np.zeros(STOP, np.int64)
        self.bought: list[Batch] = []

    def _observe(self) -> Observation:
        row = np.array([*self._seen(), *(self.counts / self.horizon)], np.float32)
        return np.clip(row, -1.0, 1.0)

    def _batch(self) -> Batch:
        """A purchase drawn at random, and as many captions."""
        bought = self.bought[int(self.np_random.integers(len(self.bought)))]
        return joined([self.sources.pairs(self.batch // 2, self.np_random), bought])
