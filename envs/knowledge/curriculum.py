"""Which knowledge is to be learned from next?"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from leapbench.envs.knowledge.batches import SOURCES, cost
from leapbench.envs.knowledge.world import LearningEnv, Observation
from leapbench.envs.refusals import reals, whole

EVEN = len(SOURCES)
"""The discrete action that draws from all sources alike."""


class KnowledgeCurriculumEnv(LearningEnv):
    """Mix sources of knowledge for a small CLIP.

    ## Description

    A small CLIP has learned from captions. In each step the agent says from which sources the
    next updates draw: captions ("pairs"), triplets between objects of a scene, triplets of an
    object and a word, triplets between words, or captions with an annotated wrong one. It
    learns by the losses of Knowledge-CLIP (Pan et al., NeurIPS 2022) and CLIP's own. A step
    costs `updates * batch` triplets whatever it draws; an annotated wrong caption counts
    three, so that fewer are had. Every world has words and scenes of its own.

    ## Action Space

    `Box(-1, 1, (5,))`: shares of the sources above in their order, -1 none; where all are -1,
    all alike. With `discrete=True` `Discrete(6)`: one source alone, or 5 for all alike.

    ## Observation Space

    `Box(-1, 1, (20,))`: share of the steps left; how many captions are found, words of
    objects, and words that go with words, each from chance (0) to all right (1), on dev
    scenes; how much of retrieval is lost since the start; losses of the last step (clip, e2e,
    e2r, g2e, kd) over 5, at most 1; shares of the five sources in the last step, and in all.

    ## Rewards

    The change of the mean of the three, less what was lost.

    ## Starting State

    A world drawn from `worlds` of them, and its start.

    ## Episode End

    Truncated after `horizon` steps.

    ## Arguments

    `discrete`: see above. The others: see `leapbench.envs.knowledge.world.LearningEnv`.

    ## Version History

    * v0: first.
    """

    drawn_from = SOURCES

    def __init__(self, discrete: bool = False, **settings: Any) -> None:
        super().__init__(**settings)
        self.discrete = discrete
        sources = len(SOURCES)
        self.action_space: gym.Space[Any] = (
            gym.spaces.Discrete(sources + 1)
            if discrete
            else gym.spaces.Box(-1.0, 1.0, (sources,), np.float32)
        )
        self.observation_space = gym.spaces.Box(-1.0, 1.0, (10 + 2 * sources,), np.float32)

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Learn `updates` times from a mixture; see the class.

        Raises:
            InvalidAction: for an action outside.
            ResetNeeded: before the first `reset`, and after the end.
        """
        self._live()
        self.shares = self._shares(action)
        counts = self._counts()
        self.drawn += self.shares
        self.spent += self.updates * self.batch
        batches = [self.sources.draw(counts, self.np_random) for _ in range(self.updates)]
        out: tuple[Observation, float, bool, bool, dict[str, Any]] = self._advance(
            batches, counts, batches
        )
        return out

    def _begin(self) -> None:
        self.shares, self.drawn = np.zeros(len(SOURCES)), np.zeros(len(SOURCES))

    def _observe(self) -> Observation:
        drawn = self.drawn / max(1, self.time)
        row = np.array([*self._seen(), *self.shares, *drawn], np.float32)
        return np.clip(row, -1.0, 1.0)

    def _shares(self, action: Any) -> NDArray[np.float64]:
        sources = len(SOURCES)
        if self.discrete:
            chosen = whole(action, sources + 1)
            return np.full(sources, 1 / sources) if chosen == EVEN else np.eye(sources)[chosen]
        weights = (np.asarray(reals(action, (sources,)), np.float64) + 1) / 2
        total = weights.sum()
        return weights / total if total > 0 else np.full(sources, 1 / sources)

    def _counts(self) -> dict[str, int]:
        """What an update draws: whole numbers whose cost is `batch` or a little less."""
        wanted = self.shares * self.batch / np.array([cost(name) for name in SOURCES])
        counts = np.floor(wanted).astype(int)
        for i in np.argsort(counts - wanted, kind="stable"):
            spent = sum(n * cost(s) for n, s in zip(counts.tolist(), SOURCES, strict=True))
            if spent + cost(SOURCES[i]) <= self.batch and wanted[i] > counts[i]:
                counts[i] += 1
        return dict(zip(SOURCES, counts.tolist(), strict=True))
