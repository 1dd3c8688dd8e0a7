"""Plays episodes: one policy in one environment or in many at once, every action checked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv

from leapbench.contract.agent import Policy, is_privileged
from leapbench.errors import InvalidAction


class Step(NamedTuple):
    """One step of B episodes; of one where the environment is not a vector.

    Attributes:
        observation: what the policy saw, (B, *observation shape).
        action: what it did, (B, *action shape).
        reward: float64 (B,).
        following: what the environment shows after it, (B, *observation shape).
        ended: bool (B,), episodes that ended in this step.
        live: bool (B,), episodes that had not ended before it.
        info: of the environment.
    """

    observation: np.ndarray
    action: np.ndarray
    reward: np.ndarray
    following: np.ndarray
    ended: np.ndarray
    live: np.ndarray
    info: dict[str, Any]


def rollout(
    env: gym.Env[Any, Any] | VectorEnv[Any, Any, Any],
    policy: Policy,
    observation: Any,
    deterministic: bool = True,
) -> Iterator[Step]:
    """Play until every episode has ended.

    An oracle is bound to the environment first. Where some episodes of a vector are over
    before others, the policy is asked for all; what it answers there has no effect.

    Args:
        env: after its `reset`; a vector with autoreset mode DISABLED.
        policy: asked once a step, for all episodes together.
        observation: what `reset` gave.
        deterministic: no exploration.

    Raises:
        InvalidAction: when an action has another shape or kind, or lies outside.
    """
    if is_privileged(policy):
        policy.bind(env)  # type: ignore[attr-defined]
    several = isinstance(env, VectorEnv)
    space = env.single_action_space if isinstance(env, VectorEnv) else env.action_space
    count = env.num_envs if isinstance(env, VectorEnv) else 1
    live, state, start = np.ones(count, bool), None, np.ones(count, bool)
    while live.any():
        seen = observation if several else np.asarray(observation)[None]
        action, state = act(policy, space, seen, state, start, deterministic)
        observation, *outcome, info = env.step(action if several else _alone(action, space))
        reward, terminated, truncated = (np.atleast_1d(np.asarray(each)) for each in outcome)
        ended = (terminated | truncated) & live
        following = observation if several else np.asarray(observation)[None]
        yield Step(seen, action, reward, following, ended, live, info)
        live, start = live & ~ended, np.zeros(count, bool)


def act(
    policy: Policy,
    space: gym.Space[Any],
    observation: np.ndarray,
    state: Any = None,
    episode_start: np.ndarray | None = None,
    deterministic: bool = True,
) -> tuple[np.ndarray, Any]:
    """Actions for a batch of observations, all inside `space`.

    Args:
        policy: the policy.
        space: action space of one environment.
        observation: (B, *observation shape).
        state: what the previous call returned, None at first.
        episode_start: bool (B,), True where an episode begins.
        deterministic: no exploration.

    Returns:
        Actions (B, *action shape) and the next state.

    Raises:
        InvalidAction: when an action has another shape or kind, or lies outside.
    """
    given, state = policy.predict(observation, state, episode_start, deterministic=deterministic)
    return checked(given, space, len(observation)), state


def _alone(actions: np.ndarray, space: gym.Space[Any]) -> Any:
    """The one action of a batch, as an environment that is no vector takes it."""
    return actions[0].item() if isinstance(space, gym.spaces.Discrete) else actions[0]


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
