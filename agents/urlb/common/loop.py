"""Steps in one environment, stored and learned from until the budget is spent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from leapbench.agents.urlb.common import snapshot
from leapbench.agents.urlb.common.behaviour import Explorer
from leapbench.agents.urlb.common.ddpg import DDPG
from leapbench.agents.urlb.common.replay import Batch, Replay, Sizes
from leapbench.contract.agent import LearningPhase
from leapbench.contract.checkpoints import unreadable
from leapbench.errors import UserError

Floats = NDArray[np.float32]
Objective = Callable[[Batch], Tensor]
"""Learns what it has to learn from a batch and gives the rewards (B,) of its transitions."""
LINES = 200
"""Steps between two reports."""


class Practice:
    """Everything that learns in a phase, and the walk through it.

    With `save_every` among the phase's settings the environment starts anew at the end
    of the first episode after every so many steps, where a phase that was killed goes on.

    Args:
        phase: gives the environment, its seed and the length of an episode.
        learner: learns from what is stored.
        actor: asked for every action, told of every reward and of the warm-up's end.
        objective: gives the rewards to learn from.
        before: steps of the practice that this one continues, see `steps`.

    Attributes:
        replay: everything that was stored.
        count: steps so far, those that are continued included.
    """

    def __init__(
        self,
        phase: LearningPhase,
        learner: DDPG,
        actor: Explorer,
        objective: Objective,
        before: int = 0,
    ) -> None:
        self.phase, self.learner, self.actor, self.objective = phase, learner, actor, objective
        self.rng = np.random.default_rng([phase.seed, 1])
        backbone, horizon = learner.backbone, int(phase.settings["horizon"])
        capacity = min(backbone.capacity, before + phase.meter.budget.limit)
        self.replay = Replay(learner.sizes, capacity, horizon, backbone.steps, backbone.discount)
        self.count = 0

    def run(self) -> None:
        """Walk until the phase's budget is spent; learn after the warm-up."""
        phase = self.phase
        env: Any = phase.make_env(1) if phase.make_env else None
        observation, time, saved = self._begin(env), 0, phase.meter.used
        while phase.meter.left:
            self._learn()
            choice = self.actor(observation[0], time, self.count)
            following, reward, terminated, truncated, info = env.step(choice.action[None])
            self.replay.add(
                observation[0], choice.skill, choice.action, choice.mode, float(reward[0])
            )
            self.actor.hear(float(reward[0]))
            observation, time, self.count = following, time + 1, self.count + 1
            if terminated[0] or truncated[0]:
                self.replay.finish(info["final_obs"][0], bool(terminated[0]))
                time = 0
                if self._due(saved):
                    saved = phase.meter.used
                    self._save()
                    observation = self._renewed(env)
            if not self.count % LINES:
                self._report()

    def write(self, folder: Path) -> None:
        """Save all state into an existing folder."""
        snapshot.write(self._state(), folder)

    def go_on(self, folder: Path) -> None:
        """Restore what `write` saved; an episode that was still played is forgotten.

        Raises:
            UserError: when it is absent, damaged, or of other settings.
        """
        state = self._state()
        try:
            snapshot.read(state, folder)
        except (OSError, ValueError) as error:
            raise unreadable(folder, error) from error
        self.count = state["count"]

    def _state(self) -> dict[str, Any]:
        names = ("count", "learner", "actor", "objective", "replay", "rng")
        return {name: getattr(self, name) for name in names}

    def _begin(self, env: Any) -> Floats:
        """First observation (1, d), of the phase or after its newest save."""
        latest = self.phase.saves.latest if self.phase.saves else None
        if latest is None:
            first: Floats = env.reset(seed=self.phase.seed)[0]
            return first
        self.go_on(latest)
        return self._renewed(env)

    def _learn(self) -> None:
        """End the warm-up, or update, when it is time."""
        backbone = self.learner.backbone
        if self.count == backbone.warmup:
            self.actor.settle(self.replay)
        if self.count >= backbone.warmup and self.count % backbone.every == 0 and self.replay:
            batch = self.replay.sample(backbone.batch, self.rng)
            self.learner.update(batch, self.objective(batch))

    def _due(self, saved: int) -> bool:
        """Whether a multiple of `save_every` was passed since; never at the very end."""
        meter, every = self.phase.meter, int(self.phase.settings.get("save_every", 0))
        return every > 0 and meter.left > 0 and meter.used // every > saved // every

    def _save(self) -> None:
        if self.phase.saves is not None:
            self.phase.saves.write(self.phase.meter, self.write)

    def _renewed(self, env: Any) -> Floats:
        """First observation (1, d) after a save, which depends on nothing before it."""
        drawn = np.random.default_rng([self.phase.seed, 3, self.phase.meter.used])
        observation: Floats = env.reset(seed=int(drawn.integers(2**31)))[0]
        return observation

    def _report(self) -> None:
        meter = self.phase.meter
        limit = meter.budget.limit
        self.phase.report(meter.used / limit, f"{meter.used} of {limit} steps")


def sizes_of(phase: LearningPhase, skill: int) -> Sizes:
    """Numbers of an observation and of an action of the phase's environment.

    Raises:
        UserError: when they are not boxes of one dimension, with actions in [-1, 1].
    """
    env: Any = phase.make_env(1) if phase.make_env else None
    seen, done = (getattr(env, f"single_{kind}_space", None) for kind in ("observation", "action"))
    flat = all(isinstance(box, gym.spaces.Box) and len(box.shape) == 1 for box in (seen, done))
    if not flat or not (np.all(done.low == -1) and np.all(done.high == 1)):  # type: ignore[union-attr]
        raise UserError(
            "DDPG agents need observations of numbers in a row and actions in [-1, 1].",
            "Use them on urlb/entropy-point.",
        )
    return Sizes(seen.shape[0], done.shape[0], skill)  # type: ignore[union-attr, index]


def kept(folder: Path) -> bool:
    """Whether a folder has what `Practice.write` saves."""
    return (folder / snapshot.RECORD).exists()


def steps(folder: Path) -> int:
    """Steps of the practice that `Practice.write` saved.

    Raises:
        UserError: when it is absent or damaged.
    """
    try:
        return int(snapshot.peek(folder, "count"))
    except (OSError, ValueError) as error:
        raise unreadable(folder, error) from error
