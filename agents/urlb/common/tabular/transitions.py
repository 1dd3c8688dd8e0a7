"""One metered episode after the other, until the budget is spent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np

from leapbench.contract.agent import LearningPhase
from leapbench.errors import UserError

Choose = Callable[[int, int, int], int]
"""Action from the cell, the time in the episode and the number of the episode."""


class Transition(NamedTuple):
    """One step.

    Attributes:
        cell: where it began, from 0.
        action: what was done.
        reward: what the environment gave.
        next: where it ended.
        time: steps taken in the episode before it.
        episode: number of the episode, from 0.
    """

    cell: int
    action: int
    reward: float
    next: int
    time: int
    episode: int


def steps(phase: LearningPhase, choose: Choose) -> Iterator[Transition]:
    """Walk until the phase's budget is spent, yielding every step.

    Episodes end by their time limit alone, so no transition is terminal.

    Args:
        phase: gives the environment and its seed.
        choose: called for every action.
    """
    env: Any = phase.make_env(1) if phase.make_env else None
    observation, _ = env.reset(seed=phase.seed)
    cell, time, episode, earned = int(observation[0]), 0, 0, 0.0
    while phase.meter.left:
        action = choose(cell, time, episode)
        observation, reward, terminated, truncated, info = env.step(np.array([action]))
        ended = bool(terminated[0] or truncated[0])
        arrived = int(info["final_obs"][0] if ended else observation[0])
        yield Transition(cell, action, float(reward[0]), arrived, time, episode)
        cell, earned = int(observation[0]), earned + float(reward[0])
        if ended:
            phase.log(phase.meter.used, return_=earned)
            earned = 0.0
        time, episode = (0, episode + 1) if ended else (time + 1, episode)


def sizes(phase: LearningPhase) -> tuple[int, int]:
    """Numbers of cells and of actions.

    Raises:
        UserError: when the environment is not one of numbered cells and actions.
    """
    env = phase.make_env(1) if phase.make_env else None
    cells, actions = (
        getattr(env, f"single_{kind}_space", None) for kind in ("observation", "action")
    )
    if not isinstance(cells, gym.spaces.Discrete) or not isinstance(actions, gym.spaces.Discrete):
        raise UserError(
            "Tabular agents need numbered observations and actions.",
            "Use them on urlb/entropy-grid.",
        )
    return int(cells.n), int(actions.n)
