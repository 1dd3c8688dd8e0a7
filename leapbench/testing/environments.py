"""Rules that every environment keeps, one function each.

Every check takes a registered id (or an `EnvSpec`) and raises `AssertionError`
with the rule's name. Environments whose `entry_point` and keyword arguments are
text and JSON can be rebuilt in a fresh process, so that is required.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env

from leapbench.contract.meter import Meter, MeteredEnv
from leapbench.contract.task import Budget
from leapbench.errors import BudgetExceeded
from leapbench.testing.copies import copies
from leapbench.testing.rollout import STEPS, arrays, make, play, rollout, rollout_elsewhere
from leapbench.testing.rules import RuleCheck, attach, require, run_all
from leapbench.testing.vectors import vector

LONGEST = 20_000
"""Steps after which an episode counts as endless."""


def spaces(environment: str | EnvSpec) -> None:
    """Observations lie in the observation space and have its dtype."""
    env = make(_spec(environment))
    space = env.observation_space
    expected = [leaf.dtype for leaf in arrays(space.sample())]

    def look(observation: Any) -> None:
        if not space.contains(observation):  # telling what it is costs more than looking
            require(False, "spaces", f"{observation!r} is not in {space}")
        found = [leaf.dtype for leaf in arrays(observation)]
        require(found == expected, "spaces", f"dtypes are {found}, the space's are {expected}")

    look(env.reset(seed=0)[0])
    play(env, STEPS, lambda returned: look(returned[0]))


def rewards(environment: str | EnvSpec) -> None:
    """Rewards are finite numbers."""

    def look(returned: Any) -> None:
        reward = returned[1]
        number = isinstance(reward, int | float | np.number)
        require(number and math.isfinite(reward), "rewards", f"{reward!r} is not a finite number")

    env = make(_spec(environment))
    env.reset(seed=0)
    play(env, STEPS, look)


def ends(environment: str | EnvSpec) -> None:
    """`terminated` and `truncated` are booleans, never both; every episode ends."""
    spec = _spec(environment)

    def look(returned: Any) -> None:
        flags = returned[2], returned[3]
        boolean = all(isinstance(flag, bool | np.bool_) for flag in flags)
        require(boolean, "ends", f"terminated, truncated = {flags!r} are not booleans")
        require(not all(flags), "ends", "terminated and truncated at once: which was it?")

    env = make(spec)
    env.reset(seed=0)
    ended = play(env, LONGEST, look, once=True)
    message = f"no end in {LONGEST} steps, and the id has no max_episode_steps"
    require(ended or spec.max_episode_steps is not None, "ends", message)


def determinism(environment: str | EnvSpec) -> None:
    """`reset(seed)` fixes every byte that follows, also in a fresh process."""
    spec = _spec(environment)
    here = rollout(make(spec), 7)
    require(here == rollout(make(spec), 7), "determinism", "two rollouts of one seed differ")
    text = isinstance(spec.entry_point, str)
    require(text, "determinism", "entry_point must be 'module:Class' to be made elsewhere")
    there = rollout_elsewhere(spec, 7)
    require(here == there, "determinism", "a fresh process gives another rollout of the same seed")


def seeding(environment: str | EnvSpec) -> None:
    """Different seeds give different episodes."""
    spec = _spec(environment)
    first = rollout(make(spec), 0)
    differ = any(rollout(make(spec), seed) != first for seed in range(1, 4))
    require(differ, "seeding", "four seeds give one and the same rollout")


def fresh_observations(environment: str | EnvSpec) -> None:
    """An observation is the caller's: it shares no memory with the next one."""
    env = make(_spec(environment))
    kept = [env.reset(seed=0)[0]]

    def look(returned: Any) -> None:
        pairs = zip(arrays(kept.pop()), arrays(returned[0]), strict=True)
        shared = any(np.shares_memory(before, after) for before, after in pairs)
        require(not shared, "fresh_observations", "two observations share memory")
        kept.append(returned[0])

    play(env, STEPS, look)


def after_end(environment: str | EnvSpec) -> None:
    """A step after the end raises, or stays at the end without reward."""
    env = make(_spec(environment))
    env.reset(seed=0)
    if not play(env, LONGEST, lambda returned: None, once=True):
        return
    try:
        _, reward, terminated, truncated, _ = env.step(env.action_space.sample())
    except Exception:  # any refusal will do
        return
    over = (terminated or truncated) and reward == 0
    require(bool(over), "after_end", "a step after the end goes on with the episode")


def picture(environment: str | EnvSpec) -> None:
    """`rgb_array` draws a uint8 (H, W, 3) picture and does not disturb the episode."""
    spec = _spec(environment)
    if "rgb_array" not in make(spec).metadata.get("render_modes", ()):
        raise AssertionError("picture: metadata['render_modes'] lacks 'rgb_array'")
    env = make(spec, render_mode="rgb_array")
    env.reset(seed=0)
    drawn: Any = env.render()
    good = isinstance(drawn, np.ndarray) and drawn.dtype == np.uint8
    good = good and drawn.ndim == 3 and drawn.shape[2] == 3
    require(good, "picture", "render() is not a uint8 array (H, W, 3)")
    require(len(np.unique(drawn)) > 1, "picture", "the picture is of one colour")
    same = rollout(env, 7, 20, render=True) == rollout(make(spec), 7, 20)
    require(same, "picture", "drawing changes the episode")


def metering(environment: str | EnvSpec) -> None:
    """Under a meter the environment takes exactly the paid steps and then no more."""
    limit = STEPS + 1
    counted = _Counting(make(_spec(environment)))
    env = MeteredEnv(counted, Meter(Budget(unit="steps", limit=limit)))
    env.reset(seed=0)
    truncated = False
    try:
        while True:
            _, _, terminated, truncated, _ = env.step(env.action_space.sample())
            if (terminated or truncated) and env.meter.left:
                env.reset()
    except BudgetExceeded:
        taken = counted.steps
    require(taken == limit, "metering", f"{taken} steps were taken, {limit} were paid")
    require(truncated or terminated, "metering", "the last paid step does not end the episode")


def gymnasium_checker(environment: str | EnvSpec) -> None:
    """Gymnasium's own `check_env` passes."""
    _outside("gymnasium_checker", lambda: check_env(make(_spec(environment))))


def sb3_checker(environment: str | EnvSpec) -> None:
    """Stable-Baselines3's `check_env` passes."""
    from stable_baselines3.common import env_checker

    env = make(_spec(environment))
    _outside("sb3_checker", lambda: env_checker.check_env(env, warn=False))


ENVIRONMENT_CHECKS: tuple[RuleCheck[str | EnvSpec], ...] = (
    spaces,
    rewards,
    ends,
    determinism,
    seeding,
    fresh_observations,
    after_end,
    picture,
    metering,
    vector,
    copies,
    gymnasium_checker,
    sb3_checker,
)


def check_environment(environment: str | EnvSpec) -> None:
    """Run every rule on one environment.

    Args:
        environment: registered id, such as "leapbench/EarlyExit-Digits-v0", or its spec.

    Raises:
        AssertionError: for the first broken rule, by name.
    """
    run_all(ENVIRONMENT_CHECKS, environment)


@attach(ENVIRONMENT_CHECKS)
class EnvironmentConformance:
    """Base of a pytest class that runs every rule on `environment`.

    Attributes:
        environment: registered id or spec; set it in the subclass.
    """

    environment: str | EnvSpec

    def subject(self) -> str | EnvSpec:
        """What the checks are run on."""
        return self.environment


class _Counting(gym.Wrapper[Any, Any, Any, Any]):
    """Counts the steps that really reach the environment."""

    steps = 0

    def step(self, action: Any) -> Any:
        self.steps += 1
        return self.env.step(action)


def _spec(environment: str | EnvSpec) -> EnvSpec:
    return environment if isinstance(environment, EnvSpec) else gym.spec(environment)


def _outside(rule: str, check: Callable[[], None]) -> None:
    """Run another library's checker, and put our rule's name before what it says."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            check()
    except Exception as error:
        raise AssertionError(f"{rule}: {error}") from error
