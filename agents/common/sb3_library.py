"""An algorithm of Stable-Baselines3 on one environment, with its whole policy kept."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import BasePolicy

from leapbench.agents.common.alone import Alone
from leapbench.agents.common.sb3_network import Progress, SB3Network
from leapbench.contract.agent import LearningPhase


class Library(SB3Network[BasePolicy]):
    """What the library trains; its own defaults where nothing is said."""

    def __init__(self) -> None:
        self.spaces: dict[str, Any] = {}

    @abstractmethod
    def algorithm(
        self, env: gym.Env[Any, Any], limit: int, seed: int, device: str
    ) -> BaseAlgorithm:
        """The algorithm for `limit` steps."""

    def trained(self, make_env: Callable[..., Any], phase: LearningPhase) -> BasePolicy:
        """See `SB3Network.trained`."""
        env, limit = Alone(make_env(1)), phase.meter.left
        self.spaces = described(env)
        trained = self.algorithm(env, limit, phase.seed, phase.device)
        trained.learn(limit, callback=Within(phase, limit))
        return trained.policy

    def built(self) -> BasePolicy:
        """See `SB3Network.built`."""
        return self.algorithm(Still(self.spaces), 1, 0, "cpu").policy

    def record(self) -> dict[str, Any]:
        """The spaces."""
        return self.spaces

    def restore(self, record: dict[str, Any]) -> None:
        """Take over the spaces."""
        Still(record)
        self.spaces = record

    def predict(
        self,
        observation: NDArray[Any],
        state: Any = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[Any], Any]:
        """The policy's actions (B, ...).

        Raises:
            UserError: before `learn` or `load`.
        """
        actions, _ = self.learned().predict(observation, deterministic=deterministic)
        return np.asarray(actions), state


def described(env: gym.Env[Any, Any]) -> dict[str, Any]:
    """Spaces of pixels or numbers, and of a choice or numbers in [-1, 1], as JSON data."""
    seen, done = env.observation_space, env.action_space
    record: dict[str, Any] = {"shape": list(seen.shape or ()), "pixels": seen.dtype == np.uint8}
    if isinstance(done, gym.spaces.Discrete):
        return record | {"choices": int(done.n)}
    return record | {"size": int((done.shape or (0,))[0])}


class Still(gym.Env[Any, Any]):
    """Has spaces and no steps, for building networks.

    Args:
        record: what `described` gave.
    """

    def __init__(self, record: dict[str, Any]) -> None:
        shape = tuple(int(each) for each in record["shape"])
        box = gym.spaces.Box
        self.observation_space = (
            box(0, 255, shape, np.uint8) if record["pixels"] else box(-np.inf, np.inf, shape)
        )
        self.action_space = (
            gym.spaces.Discrete(int(record["choices"]))
            if "choices" in record
            else box(-1, 1, (int(record["size"]),))
        )


class Within(Progress):
    """Ends where the budget does, in the middle of a rollout too."""

    def _on_step(self) -> bool:
        return super()._on_step() and self._phase.meter.left > 0
