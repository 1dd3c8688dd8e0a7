"""The guest's side of a metered vector environment that runs in the host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from leapbench.isolation.line import HostLine
from leapbench.isolation.wire import pack_settings, unpack_info, unpack_space


class RemoteVectorEnv(VectorEnv[Any, Any, Any]):
    """Steps and resets are requests to the host, which counts them.

    Args:
        line: to the host.
        num_envs: sub-environments.
        arguments: further integers that the family's `make_env` takes.
    """

    def __init__(self, line: HostLine, num_envs: int, arguments: Mapping[str, int | None]) -> None:
        self._line = line
        answer = line.ask("make_env", num_envs=int(num_envs), arguments=dict(arguments))
        header, arrays = answer.header, answer.arrays
        self._index = header["index"]
        self.num_envs: int = header["num_envs"]
        self.single_observation_space = unpack_space(header["observation"], arrays)
        self.single_action_space = unpack_space(header["action"], arrays)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        if header["autoreset"] is not None:
            self.metadata = {"autoreset_mode": AutoresetMode(header["autoreset"])}

    def reset(
        self, *, seed: Any = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start episodes; see `gymnasium.vector.VectorEnv.reset`."""
        plain = {k: np.asarray(v).tolist() for k, v in (options or {}).items()}
        seeds = None if seed is None else np.asarray(seed).tolist()
        answer = self._line.ask(
            "reset", index=self._index, seed=seeds, options=pack_settings(plain)
        )
        observation = answer.arrays.pop(0)
        return observation, unpack_info(answer.header["info"], answer.arrays)

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Step all sub-environments; see `leapbench.contract.meter.MeteredVectorEnv.step`."""
        answer = self._line.ask("step", [np.asarray(actions)], index=self._index)
        observation, reward, terminated, truncated, *rest = answer.arrays
        info = unpack_info(answer.header["info"], rest)
        return observation, reward, terminated, truncated, info
