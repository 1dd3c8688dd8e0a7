"""One checked call of a policy: what it returns is not trusted."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from leapbench.contract.agent import Policy
from leapbench.errors import InvalidAction


def act(
    policy: Policy,
    space: gym.Space[Any],
    observation: np.ndarray,
    state: Any = None,
    episode_start: np.ndarray | None = None,
) -> tuple[np.ndarray, Any]:
    """Deterministic actions for a batch of observations, all inside `space`.

    Args:
        policy: the policy.
        space: action space of one environment.
        observation: (B, *observation shape).
        state: what the previous call returned, None at first.
        episode_start: bool (B,), True where an episode begins.

    Returns:
        Actions (B, *action shape) and the next state.

    Raises:
        InvalidAction: when an action has another shape or kind, or lies outside.
    """
    given, state = policy.predict(observation, state, episode_start, deterministic=True)
    return checked(given, space, len(observation)), state


def checked(given: Any, space: gym.Space[Any], count: int) -> np.ndarray:
    """`given` as an array of `count` actions of `space`.

    Raises:
        InvalidAction: when it is not one.
    """
    actions = np.asarray(given)
    expected = (count, *(space.shape or ()))
    if actions.shape != expected:
        raise InvalidAction(f"actions have shape {actions.shape}, expected {expected}")
    discrete = isinstance(space, gym.spaces.Discrete | gym.spaces.MultiDiscrete)
    if actions.dtype.kind not in ("iu" if discrete else "iufb"):
        kind = "integers" if discrete else "numbers"
        raise InvalidAction(f"actions are {actions.dtype}, expected {kind}")
    if not _inside(actions, space):
        raise InvalidAction(f"an action lies outside {space}")
    return actions


def _inside(actions: np.ndarray, space: gym.Space[Any]) -> bool:
    match space:
        case gym.spaces.Discrete():
            return bool(((actions >= space.start) & (actions < space.start + space.n)).all())
        case gym.spaces.MultiDiscrete():
            low = space.start
            return bool(((actions >= low) & (actions < low + space.nvec)).all())
        case gym.spaces.Box():  # NaN fails both comparisons
            return bool(((actions >= space.low) & (actions <= space.high)).all())
    return all(space.contains(action) for action in actions)
