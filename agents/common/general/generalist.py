"""What agents that know no family share: worlds, budget, and a policy that is kept whole."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import BasePolicy

from leapbench.agents.common.general.spaces import built, described
from leapbench.agents.common.general.vector import Mask, Worlds, mask_of
from leapbench.agents.common.sb3_network import Progress, SB3Network
from leapbench.contract.agent import LearningPhase
from leapbench.errors import UserError


class Generalist(SB3Network[BasePolicy]):
    """Learns from the spaces of a phase's world, whatever the family; the rest is not looked at.

    In a later phase it learns on with the weights that it has, and an optimiser that is new.

    Args:
        steps: most steps of a phase, where its budget allows more.

    Attributes:
        spaces: of observations and actions, as `described` gives them.
        mask: where observations say which actions are allowed, see `Worlds`.
    """

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.spaces: dict[str, Any] = {}
        self.mask: Mask = {}

    @abstractmethod
    def algorithm(self, env: Any, limit: int, seed: int, device: str) -> BaseAlgorithm:
        """The algorithm for `limit` steps of all sub-environments together."""

    def lanes(self, limit: int) -> int:
        """Sub-environments in lockstep; one by default."""
        return 1

    def taught(self, algorithm: BaseAlgorithm, limit: int, callback: Progress) -> None:
        """Let the algorithm learn."""
        algorithm.learn(limit, callback=callback)

    def trained(self, make_env: Callable[..., Any], phase: LearningPhase) -> BasePolicy:
        """See `SB3Network.trained`.

        Raises:
            UserError: for spaces that the library does not learn from.
        """
        limit = min(phase.meter.left, self.steps)
        lanes = self.lanes(limit)
        env = Worlds(make_env(lanes))
        self.spaces = {
            "observation": described(env.observation_space),
            "action": described(env.action_space),
        }
        if any(each.get("start") for each in self.spaces.values()):
            raise UserError(
                "Stable-Baselines3 counts choices from 0; this world's start elsewhere."
            )
        self.mask = env.mask
        algorithm = self.algorithm(env, limit, phase.seed, phase.device)
        if self.network is not None:
            algorithm.policy.load_state_dict(self.network.state_dict())
        self.taught(algorithm, limit - limit % lanes, Within(phase, limit, lanes))
        return algorithm.policy

    def built(self) -> BasePolicy:
        """See `SB3Network.built`."""
        return self.algorithm(Still(self.spaces), 64, 0, "cpu").policy

    def record(self) -> dict[str, Any]:
        """The spaces and the mask."""
        return self.spaces | {"mask": self.mask}

    def restore(self, record: dict[str, Any]) -> None:
        """Take over the spaces and the mask."""
        self.mask = mask_of(record["mask"])
        self.spaces = {name: record[name] for name in ("observation", "action")}
        Still(self.spaces)

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


class Still(gym.Env[Any, Any]):
    """Has spaces and no steps, for building networks.

    Args:
        record: the two spaces as `described` gives them.
    """

    def __init__(self, record: dict[str, Any]) -> None:
        self.observation_space = built(record["observation"])
        self.action_space = built(record["action"])


class Within(Progress):
    """Ends before a step that the budget does not pay for.

    Args:
        phase: gives the budget and is reported to.
        limit: steps that are learned from at most.
        lanes: steps of a vector step.
    """

    def __init__(self, phase: LearningPhase, limit: int, lanes: int) -> None:
        super().__init__(phase, limit)
        self._lanes = lanes

    def _on_step(self) -> bool:
        left = min(self._phase.meter.left, self._limit - self.num_timesteps)
        return super()._on_step() and left >= self._lanes
