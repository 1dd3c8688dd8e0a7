"""Who acts: the explorer of the phase without reward, and the tuner of the one with it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leapbench.agents.urlb.common.ddpg import DDPG, EDGE
from leapbench.agents.urlb.common.replay import Replay
from leapbench.agents.urlb.common.skills import SEEK, Skills

Floats = NDArray[np.float32]


class Choice(NamedTuple):
    """What is done next.

    Attributes:
        action: float32 (action,).
        skill: float32 (skill,), in force.
        mode: 0 or 1.
    """

    action: Floats
    skill: Floats
    mode: int


def chance(size: int, rng: np.random.Generator) -> Floats:
    """A uniformly random action, float32 (size,)."""
    return rng.uniform(-1, 1, size).astype(np.float32)


def noisy(actions: Floats, noise: float, rng: np.random.Generator) -> Floats:
    """Actions with normal noise, clipped into [-1, 1]."""
    pushed = actions + np.float32(noise) * rng.standard_normal(actions.shape, np.float32)
    return np.asarray(np.clip(pushed, -EDGE, EDGE), np.float32)


class Explorer:
    """Random actions during the warm-up, then the actor with noise; skills are drawn.

    Args:
        learner: whose actor acts.
        skills: drawn at the beginning of an episode and every `period` steps.
        horizon: steps of an episode.
        seed: of skills and noise.
    """

    def __init__(
        self,
        learner: DDPG,
        skills: Skills,
        horizon: int,
        seed: int,
    ) -> None:
        self.learner, self.skills, self.horizon = learner, skills, horizon
        self.rng = np.random.default_rng([seed, 0])
        self.skill, self.mode = skills.constant(), SEEK

    def __call__(self, observation: Floats, time: int, count: int) -> Choice:
        """What to do at a time of the episode, after `count` steps of practice."""
        if time == 0 or count % self.skills.period == 0:
            self.skill, self.mode = self.skills.draw(self.rng, time, self.horizon)
        if count < self.learner.backbone.warmup:
            return Choice(chance(self.learner.sizes.action, self.rng), self.skill, self.mode)
        return Choice(self.act(observation), self.skill, self.mode)

    def hear(self, reward: float) -> None:
        """Be told of the reward of a step; there is none to learn from."""

    def settle(self, replay: Replay) -> None:
        """Be told that the warm-up is over."""

    def mean(self, observation: Floats) -> Floats:
        """The actor's action with the skill in force."""
        seen = np.concatenate([observation, self.skill])[None]
        return np.asarray(self.learner.act(seen)[0])

    def act(self, observation: Floats) -> Floats:
        """The same with noise."""
        return noisy(self.mean(observation), self.learner.backbone.noise, self.rng)


class Tuner(Explorer):
    """Warms up as asked for, then acts with the skill that was chosen.

    Args:
        learner: whose actor acts.
        skills: as in the phase without reward.
        horizon: steps of an episode.
        seed: of skills and noise.
        warm: "explore": as at the end of the phase without reward; "greedy": the actor
            without noise and with the constant skill; "random": random actions.
        choice: "search": the skill that earned most a step in the warm-up; "constant";
            "random": as without reward, to the end.
    """

    def __init__(
        self, learner: DDPG, skills: Skills, horizon: int, seed: int, warm: str, choice: str
    ) -> None:
        super().__init__(learner, skills, horizon, seed)
        self.warm, self.choice = warm, choice
        self.chosen, self.settled = skills.constant(), False
        self._best, self._earned, self._held = -np.inf, 0.0, 0

    def __call__(self, observation: Floats, time: int, count: int) -> Choice:
        """See `Explorer`."""
        if self.choice == "random" or (self.warm == "explore" and not self.settled):
            if time == 0 or count % self.skills.period == 0:
                self._judge()
                self.skill, self.mode = self.skills.draw(self.rng, time, self.horizon)
        else:
            self.skill = self.chosen
        if not self.settled and self.warm == "random":
            action = chance(self.learner.sizes.action, self.rng)
        elif not self.settled and self.warm == "greedy":
            action = self.mean(observation)
        else:
            action = self.act(observation)
        return Choice(action, self.skill, self.mode)

    def hear(self, reward: float) -> None:
        """Count a reward of the warm-up for the skill in force."""
        if not self.settled:
            self._earned, self._held = self._earned + reward, self._held + 1

    def settle(self, replay: Replay) -> None:
        """End the warm-up: keep one skill, and let all that is stored count for it.

        The reward of a task does not depend on the skill, so stored steps may be used
        for another one than they were taken with.
        """
        self._judge()
        self.settled = True
        if self.choice != "random":
            replay.relabel(self.chosen)

    def _judge(self) -> None:
        """Keep the skill that was in force if it earned more a step than any before."""
        if self._held and self.choice == "search" and self._earned / self._held > self._best:
            self._best, self.chosen = self._earned / self._held, self.skill
        self._earned, self._held = 0.0, 0
