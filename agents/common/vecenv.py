"""A Gymnasium vector environment as Stable-Baselines3's own kind, without a loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from leapbench.errors import UserError


class VectorAdapter(VecEnv):
    """Hands a vector environment that never truncates to Stable-Baselines3.

    Infos stay empty, which is what makes it fast: an episode that ends by
    termination needs no last observation, since nothing is bootstrapped from it.

    Args:
        env: vector environment with autoreset mode SAME_STEP.

    Raises:
        UserError: for another autoreset mode.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        if env.metadata.get("autoreset_mode") != AutoresetMode.SAME_STEP:
            raise UserError(
                "Stable-Baselines3 expects environments that restart in the step that ends them.",
                'Build the environment with autoreset_mode="SameStep".',
            )
        self.env = env
        super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)
        self._actions: NDArray[Any] = np.zeros(env.num_envs, np.int64)
        self._infos: list[dict[str, Any]] = [{} for _ in range(env.num_envs)]

    def reset(self) -> NDArray[Any]:
        """Start all episodes, from the seed given to `seed` if there was one."""
        # Both libraries count up from the first sub-environment's seed.
        observation, _ = self.env.reset(seed=self._seeds[0])
        self._reset_seeds()
        return np.asarray(observation)

    def step_async(self, actions: NDArray[Any]) -> None:
        """Keep the actions for `step_wait`."""
        self._actions = actions

    def step_wait(
        self,
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], list[dict[str, Any]]]:
        """Step; see Stable-Baselines3's `VecEnv.step_wait`.

        Raises:
            BudgetExceeded: when a metered environment is out of budget.
        """
        observation, reward, terminated, _, _ = self.env.step(self._actions)
        return observation, reward.astype(np.float32), terminated, self._infos

    def close(self) -> None:
        """Close the environment."""
        self.env.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """The vector environment's attribute, once for each sub-environment."""
        return [getattr(self.env, attr_name)] * self._count(indices)

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Set an attribute of the vector environment, which all share."""
        setattr(self.env, attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call a method of the vector environment, which all share."""
        result = getattr(self.env, method_name)(*method_args, **method_kwargs)
        return [result] * self._count(indices)

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """Whether sub-environments are wrapped: there are none to wrap."""
        return [False] * self._count(indices)

    def _count(self, indices: int | Sequence[int] | None) -> int:
        return len(list(self._get_indices(indices)))
