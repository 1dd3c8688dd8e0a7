"""An algorithm of Stable-Baselines3, trained in a phase and saved without pickle."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, cast

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.policies import BasePolicy

from leapbench.agents.common.alone import Alone
from leapbench.agents.common.mlp import seeded
from leapbench.agents.common.practice import LINES, device_of, environment
from leapbench.agents.common.state import broken, require
from leapbench.contract.agent import LearningPhase

WEIGHTS, RECORD = "policy.safetensors", "agent.json"


class Library(ABC):
    """What the library trains on one environment; its own defaults where nothing is said.

    Attributes:
        policy: what was trained; None until something was learned.
    """

    def __init__(self) -> None:
        self.policy: BasePolicy | None = None

    @abstractmethod
    def algorithm(
        self, env: gym.Env[Any, Any], limit: int, seed: int, device: str
    ) -> BaseAlgorithm:
        """The algorithm for `limit` steps."""

    def learn(self, phase: LearningPhase) -> None:
        """Train until the budget is spent."""
        env, limit = Alone(environment(phase)), phase.meter.left
        device = str(device_of(phase))
        with seeded(phase.seed):
            made = self.algorithm(env, limit, phase.seed, device)
            made.learn(limit, callback=Progress(phase, limit))
        self.policy = made.policy.to("cpu")
        phase.report(1.0, f"{phase.meter.used} {phase.meter.budget.unit} used")

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
        actions, _ = self._require().predict(observation, deterministic=deterministic)
        return np.asarray(actions), state

    def save(self, folder: Path) -> None:
        """Write the policy's weights (safetensors) and spaces (JSON).

        Raises:
            UserError: before `learn` or `load`.
        """
        policy = self._require()
        weights = {k: v.detach().contiguous() for k, v in policy.state_dict().items()}
        save_file({k: v.clone() for k, v in weights.items()}, folder / WEIGHTS)
        seen, done = policy.observation_space, policy.action_space
        record = {"shape": list(seen.shape or ()), "pixels": seen.dtype == np.uint8}
        record |= {"choices": int(done.n)} if isinstance(done, gym.spaces.Discrete) else {}
        record |= {"size": done.shape[0]} if isinstance(done, gym.spaces.Box) else {}
        (folder / RECORD).write_text(json.dumps(record))

    def load(self, folder: Path) -> None:
        """Restore what `save` wrote.

        Raises:
            UserError: when a file is absent or is not of these settings.
        """
        try:
            still = Still(json.loads((folder / RECORD).read_text()))
            policy = self.algorithm(still, 1, 0, "cpu").policy
            policy.load_state_dict(load_file(folder / WEIGHTS))
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            raise broken(folder, self, error, " of these settings") from error
        self.policy = policy

    def _require(self) -> BasePolicy:
        require(self.policy is not None, self)
        return cast(BasePolicy, self.policy)


class Still(gym.Env[Any, Any]):
    """Has spaces and no steps, for building networks.

    Args:
        record: what `Library.save` wrote.
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


class Progress(BaseCallback):
    """Reports to the phase, and ends where its budget does.

    Args:
        phase: whose `report` is called.
        limit: steps that the algorithm is trained for.
    """

    def __init__(self, phase: LearningPhase, limit: int) -> None:
        super().__init__()
        self._phase, self._limit = phase, limit

    def _on_step(self) -> bool:
        if not self.num_timesteps % LINES:
            line = f"{self.num_timesteps} of {self._limit} steps"
            self._phase.report(min(1.0, self.num_timesteps / self._limit), line)
        return self._phase.meter.left > 0
