"""Steps in one environment, stored and learned from until the budget is spent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from leapbench.agent import LearningPhase
from leapbench.agents.intrinsic_common.ddpg import DDPG
from leapbench.agents.intrinsic_common.replay import Batch, Replay, Sizes
from leapbench.errors import UserError

Floats = NDArray[np.float32]
Objective = Callable[[Batch], Tensor]
"""Learns what it has to learn from a batch and gives the rewards (B,) of its transitions."""
LINES = 200
"""Steps between two reports."""


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


Choose = Callable[[Floats, int, int], Choice]
"""What to do in an observation, at a time of the episode, after so many steps of the phase."""


def practise(
    phase: LearningPhase,
    learner: DDPG,
    choose: Choose,
    objective: Objective,
    hear: Callable[[float], None] | None = None,
    settle: Callable[[Replay], None] | None = None,
) -> Replay:
    """Walk until the phase's budget is spent; learn after the warm-up.

    Args:
        phase: gives the environment, its seed and the length of an episode.
        learner: learns from what is stored.
        choose: asked for every action.
        objective: gives the rewards to learn from.
        hear: told of the reward of every step.
        settle: called once, when the warm-up is over.

    Returns:
        Everything that was stored.
    """
    backbone, limit = learner.backbone, phase.meter.budget.limit
    rng = np.random.default_rng([phase.seed, 1])
    horizon = int(phase.settings["horizon"])
    capacity = min(backbone.capacity, limit)
    replay = Replay(learner.sizes, capacity, horizon, backbone.steps, backbone.discount)
    env: Any = phase.make_env(1) if phase.make_env else None
    observation, _ = env.reset(seed=phase.seed)
    time = count = 0
    while phase.meter.left:
        if count == backbone.warmup and settle is not None:
            settle(replay)
        if count >= backbone.warmup and count % backbone.every == 0 and replay:
            batch = replay.sample(backbone.batch, rng)
            learner.update(batch, objective(batch))
        choice = choose(observation[0], time, count)
        following, reward, terminated, truncated, info = env.step(choice.action[None])
        replay.add(observation[0], choice.skill, choice.action, choice.mode, float(reward[0]))
        if hear is not None:
            hear(float(reward[0]))
        observation, time, count = following, time + 1, count + 1
        if terminated[0] or truncated[0]:
            replay.finish(info["final_obs"][0], bool(terminated[0]))
            time = 0
        if not count % LINES:
            phase.report(count / limit, f"{count} of {limit} steps")
    return replay


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
