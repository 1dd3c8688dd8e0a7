"""Which pictures should an encoder see, where most of a pool is alike?"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from leapbench.envs.pretrain import pictures, views
from leapbench.envs.pretrain.objective import Objective
from leapbench.envs.pretrain.rates import Rates
from leapbench.envs.pretrain.training import Trainer
from leapbench.envs.pretrain.views import Look, Pixels
from leapbench.envs.pretrain.world import SHAPE, LearningEnv, Observation, checked
from leapbench.envs.refusals import reals, whole

CLUSTERS = 8
ALIKE, AS_THERE = CLUSTERS, CLUSTERS + 1
"""The discrete actions that draw from all clusters alike, and from the pool as it is."""
RAREST = 0.05
"""Pictures of the rarest digit in a pool, as a share of those of the commonest."""
GOAL = Objective(dense=0.5, whole=0.5)
LOOK = Look(area=0.4, colour=0.5, grey=0.0, flip=0.0)
RATE = 1.5e-3


class PretrainSelectEnv(LearningEnv):
    """Choose the pictures that a self-supervised encoder is shown.

    ## Description

    A pool of pictures is long-tailed: the commonest digit is in twenty times as many as the
    rarest. Pictures are clustered by their pixels; labels are never seen. Each step reveals
    `revealed` pictures of the clusters that the agent names, and the encoder then learns from
    all that were revealed, by SIM's loss with its global term (Tao et al., CVPR 2023). Only
    `budget` distinct pictures are ever revealed. Probes ask about all digits alike.

    ## Action Space

    `Box(-1, 1, (8,))`: shares of the clusters, -1 none; where all are -1, all alike. A cluster
    that is used up gives no more. With `discrete=True` `Discrete(10)`: one cluster alone, 8
    for all alike, or 9 for the pool as it is.

    ## Observation Space

    `Box(-1, 1, (32,))`: share of the budget left; losses of the last step (dense, whole) over
    2, at most 1; of features, the five numbers of `PretrainControlEnv`; shares of the clusters
    in the pool, how much of each was revealed, and what the last step drew.

    ## Rewards

    The change of the mean of two probes of labelled dev pictures, see `LearningEnv.probe`.

    ## Starting State

    A world drawn from `worlds` of them, and first weights.

    ## Episode End

    Terminated when all that may be revealed was.

    ## Arguments

    `discrete`: see above. `budget`: pictures that may be revealed, at most as many as the pool
    has. `revealed`: in a step. The others: see `LearningEnv`.

    ## Version History

    * v0: first.
    """

    title = "which pictures should it see next?"

    def __init__(
        self, discrete: bool = False, budget: int = 240, revealed: int = 12, **settings: Any
    ) -> None:
        super().__init__(**{"pool": 600, **settings})
        checked(locals(), {"budget": 1, "revealed": 1})
        self.discrete, self.revealed = discrete, revealed
        self.budget = min(budget, self.pool)
        self.action_space: gym.Space[Any] = (
            gym.spaces.Discrete(CLUSTERS + 2)
            if discrete
            else gym.spaces.Box(-1.0, 1.0, (CLUSTERS,), np.float32)
        )
        self.observation_space = gym.spaces.Box(-1.0, 1.0, (8 + 3 * CLUSTERS,), np.float32)

    @property
    def left(self) -> float:
        """See `LearningEnv.left`."""
        return 1 - self.spent / self.budget

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Reveal pictures, then learn for `updates` updates; see the class.

        Raises:
            InvalidAction: for an action outside.
            ResetNeeded: before the first `reset`, and after the end.
        """
        self._live()
        self._reveal(self._shares(action))
        reward = self._told([self._update() for _ in range(self.updates)])
        self.over = self.spent >= self.budget
        return self._observe(), reward, self.over, False, self._info()

    def said(self) -> list[tuple[str, float, str]]:
        """See `LearningEnv.said`: of each cluster, how much was revealed in all."""
        left = [len(each) for each in self.hidden]
        pairs = zip(self.sizes.tolist(), left, self.taken.astype(int).tolist(), strict=True)
        return [
            (f"cluster {k + 1}", 1 - rest / max(1, size), f"+{new} of {size}")
            for k, (size, rest, new) in enumerate(pairs)
        ]

    def _reveal(self, shares: NDArray[np.float64]) -> None:
        """Draw pictures one by one, each of a cluster by its share among those not used up."""
        self.taken = np.zeros(CLUSTERS)
        for _ in range(min(self.revealed, self.budget - self.spent)):
            there = np.array([len(each) for each in self.hidden]) > 0
            weights = shares * there
            weights = weights if weights.sum() > 0 else there.astype(float)
            chosen = int(self.np_random.choice(CLUSTERS, p=weights / weights.sum()))
            place = int(self.np_random.integers(len(self.hidden[chosen])))
            self.seen.append(self.hidden[chosen].pop(place))
            self.taken[chosen] += 1
            self.spent += 1

    def _update(self) -> dict[str, float]:
        rng, size = self.np_random, SHAPE.size
        rows = np.array(self.seen)[rng.integers(len(self.seen), size=self.batch)]
        chosen = self.images[rows]
        self.shown = [views.make(chosen, LOOK, size, rng) for _ in range(2)]
        return self.trainer.update(self.shown, 1 - self.left)

    def _begin(self) -> None:
        self.trainer = Trainer(SHAPE, GOAL, Rates(RATE), self.world)
        self.images, groups = tailed(self.world, self.pool)
        self.hidden = [np.flatnonzero(groups == k).tolist() for k in range(CLUSTERS)]
        self.sizes = np.array([len(each) for each in self.hidden])
        self.seen: list[int] = []
        self.taken = np.zeros(CLUSTERS)

    def _observe(self) -> Observation:
        losses = [min(1.0, self.losses.get(name, 0.0) / 2) for name in ("dense", "whole")]
        gone = 1 - np.array([len(each) for each in self.hidden]) / np.maximum(1, self.sizes)
        drew = self.taken / max(1, self.revealed)
        row = [self.left, *losses, *self.described, *(self.sizes / self.pool), *gone, *drew]
        return np.clip(np.array(row, np.float32), -1.0, 1.0)

    def _shares(self, action: Any) -> NDArray[np.float64]:
        if not self.discrete:
            weights = (np.asarray(reals(action, (CLUSTERS,)), np.float64) + 1) / 2
            return weights if weights.sum() > 0 else np.ones(CLUSTERS)
        chosen = whole(action, CLUSTERS + 2)
        if chosen == AS_THERE:
            return np.array([len(each) for each in self.hidden], np.float64)
        return np.ones(CLUSTERS) if chosen == ALIKE else np.eye(CLUSTERS)[chosen]


@lru_cache(maxsize=8)
def tailed(world: int, count: int) -> tuple[Pixels, NDArray[np.int64]]:
    """A long-tailed pool uint8 (count, 32, 32, 3), and the cluster int64 (count,) of each.

    Args:
        world: its number.
        count: pictures.
    """
    from sklearn.cluster import KMeans

    images, kinds = pictures.items()
    rng = np.random.default_rng([world, 9])
    mine = np.random.default_rng([world, 3]).permutation(len(images))[0::3]
    order = rng.permutation(10)  # which digit is how common
    share = RAREST ** (np.argsort(order)[kinds[mine]] / 9)
    chosen = rng.choice(mine, count, p=share / share.sum())
    made = pictures.digits(images[chosen], kinds[chosen], count, SHAPE, int(rng.integers(2**31)))
    small = made.whole.images.reshape(count, 8, 4, 8, 4, 3).mean((2, 4, 5)).reshape(count, -1)
    groups = KMeans(CLUSTERS, n_init=1, random_state=world % 2**31).fit_predict(small)
    return made.whole.images, np.asarray(groups, np.int64)
