"""Actors that Stable-Baselines3 trains on the rewarded steps alone."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import stable_baselines3 as sb3
from numpy.typing import NDArray
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.policies import BasePolicy

from leapbench.agents.common.alone import Alone
from leapbench.agents.common.sb3_network import WEIGHTS, Progress, SB3Network
from leapbench.agents.common.state import require
from leapbench.contract.agent import LearningPhase
from leapbench.errors import UserError

REWARD_FREE = "pretrain"


class FromScratch(SB3Network[BasePolicy]):
    """An off-policy algorithm that leaves the reward-free phase aside.

    Sizes, the rate of updates and the warm-up are those of the task's other agents; all
    else is the library's default.

    Args:
        hidden: units of both hidden layers of actor and critics.
        batch: transitions of an update.
        rate: Adam's learning rate.
        every: steps for one update.
        warmup: steps with random actions before the first update.
    """

    def __init__(
        self,
        hidden: int = 128,
        batch: int = 256,
        rate: float = 3e-4,
        every: int = 2,
        warmup: int = 1000,
    ) -> None:
        least = {"hidden": (hidden, 1), "batch": (batch, 1), "every": (every, 1)}
        for name, (value, bound) in (least | {"warmup": (warmup, 0)}).items():
            if value < bound:
                raise UserError(f"{name} must be {bound} or more, got {value}.")
        if not 0 < rate <= 1:
            raise UserError(f"rate must be above 0 and at most 1, got {rate}.")
        self.hidden, self.batch, self.rate = hidden, batch, rate
        self.every, self.warmup = every, warmup
        self.spaces = (0, 0)
        self._restart(0)

    @property
    def ready(self) -> bool:
        """Whether it has seen how many numbers an action has."""
        return self.spaces != (0, 0)

    @abstractmethod
    def algorithm(self, env: gym.Env[Any, Any], **shared: Any) -> OffPolicyAlgorithm:
        """The library's algorithm on `env` with the settings that all of them share."""

    def learn(self, phase: LearningPhase) -> None:
        """Nothing without reward, which spends no steps; else train on every step.

        Raises:
            UserError: when there is no environment of flat observations and actions.
        """
        if phase.name != REWARD_FREE or phase.make_env is None:
            super().learn(phase)
            return
        self._look(phase.make_env(1), phase.seed)
        phase.report(1.0, "nothing to learn")

    def trained(self, make_env: Callable[..., Any], phase: LearningPhase) -> BasePolicy:
        """See `SB3Network.trained`."""
        env, limit = self._look(make_env(1), phase.seed), phase.meter.left
        algorithm = self._made(env, limit, phase.seed, phase.device)
        algorithm.learn(limit, callback=Progress(phase, limit))
        return algorithm.policy.actor  # type: ignore[return-value]

    def _look(self, env: Any, seed: int) -> Alone:
        """The environment as the library takes it; its sizes and the seed are kept."""
        alone = Alone(env)
        boxes = (alone.observation_space, alone.action_space)
        if any(not isinstance(box, gym.spaces.Box) or len(box.shape) != 1 for box in boxes):
            raise UserError(
                f"{type(self).__name__} needs observations and actions of numbers in a row.",
                "Use it on urlb/entropy-point.",
            )
        self.spaces = (boxes[0].shape[0], boxes[1].shape[0])  # type: ignore[index]
        self._restart(seed)
        return alone

    def predict(
        self,
        observation: NDArray[np.float32],
        state: Any = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[np.float32], Any]:
        """Actions float32 (B, action), random ones before a task was learned.

        Raises:
            UserError: before `learn` or `load`.
        """
        require(self.ready, self)
        if self.network is None:
            shape = (len(observation), self.spaces[1])
            return self._rng.uniform(-1, 1, shape).astype(np.float32), state
        actions, _ = self.network.predict(np.asarray(observation, np.float32), deterministic=True)
        return np.asarray(actions, np.float32), state

    def built(self) -> BasePolicy:
        """See `SB3Network.built`."""
        return self._made(Still(*self.spaces), 1, 0).policy.actor  # type: ignore[return-value]

    def record(self) -> dict[str, Any]:
        """Sizes and seed."""
        observation, action = self.spaces
        return {"observation": observation, "action": action, "seed": self.seed}

    def restore(self, record: dict[str, Any]) -> None:
        """Take over sizes and seed."""
        self.spaces = (int(record["observation"]), int(record["action"]))
        self._restart(int(record["seed"]))

    def load(self, folder: Path) -> None:
        """See `SB3Network.load`."""
        if (folder / WEIGHTS).exists():
            super().load(folder)
        else:
            self.load_record(folder)
            self.network = None

    def _made(
        self, env: gym.Env[Any, Any], limit: int, seed: int, device: str = "cpu"
    ) -> OffPolicyAlgorithm:
        return self.algorithm(
            env,
            learning_rate=self.rate,
            buffer_size=limit,
            learning_starts=self.warmup,
            batch_size=self.batch,
            train_freq=self.every,
            gradient_steps=1,
            policy_kwargs={"net_arch": [self.hidden, self.hidden]},
            seed=seed,
            device=device,
        )

    def _restart(self, seed: int) -> None:
        self.seed, self._rng = seed, np.random.default_rng([seed, 2])


class SAC(FromScratch):
    """Soft actor-critic with a learned temperature."""

    def algorithm(self, env: gym.Env[Any, Any], **shared: Any) -> OffPolicyAlgorithm:
        """See `FromScratch.algorithm`."""
        return sb3.SAC("MlpPolicy", env, **shared)


class DDPG(FromScratch):
    """Deep deterministic policy gradient with one critic and normal noise.

    Args:
        hidden: units of both hidden layers of actor and critic.
        batch: transitions of an update.
        rate: Adam's learning rate.
        every: steps for one update.
        warmup: random steps before the first update.
        noise: standard deviation of exploration.
    """

    def __init__(
        self,
        hidden: int = 128,
        batch: int = 256,
        rate: float = 3e-4,
        every: int = 2,
        warmup: int = 1000,
        noise: float = 0.2,
    ) -> None:
        super().__init__(hidden, batch, rate, every, warmup)
        if not noise >= 0:
            raise UserError(f"noise must be 0 or more, got {noise}.")
        self.noise = noise

    def algorithm(self, env: gym.Env[Any, Any], **shared: Any) -> OffPolicyAlgorithm:
        """See `FromScratch.algorithm`."""
        size = env.action_space.shape[0]  # type: ignore[index]
        noise = NormalActionNoise(np.zeros(size), np.full(size, self.noise))
        return sb3.DDPG("MlpPolicy", env, action_noise=noise, **shared)


class Still(gym.Env[Any, Any]):
    """Has spaces and no steps, for building networks.

    Args:
        observation: numbers of an observation.
        action: numbers of an action.
    """

    def __init__(self, observation: int, action: int) -> None:
        self.observation_space = gym.spaces.Box(-np.inf, np.inf, (observation,))
        self.action_space = gym.spaces.Box(-1, 1, (action,))
