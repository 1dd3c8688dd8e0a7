"""How a dm_control environment is moved.

A step gives the reward and the discount, which is None while the episode goes on, 0 where
the world has ended and another number where the time has. An observation costs extra.
"""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np

from leapbench.envs.dm_control.backend import load


class Whole:
    """Any `dm_env.Environment`, through its own `step`.

    Attributes:
        limit: steps after which the time is over, which such a world does not tell.
    """

    limit: int | None = None

    def __init__(self, world: Any) -> None:
        self._world = world
        self._last: Any = None

    def reset(self) -> dict[str, Any]:
        """Start an episode; its first observation."""
        observation: dict[str, Any] = self._world.reset().observation
        return observation

    def step(self, control: Any) -> tuple[Any, Any]:
        """Take one step: reward and discount."""
        self._last = self._world.step(control)
        return self._last.reward, self._last.discount if self._last.last() else None

    def observe(self) -> dict[str, Any]:
        """What the last step showed."""
        observation: dict[str, Any] = self._last.observation
        return observation


class Direct:
    """A `dm_control.rl.control.Environment`, by the calls that its own `step` makes.

    What Gymnasium has no use for is saved: `TimeStep`, and observations between the frames
    of an action. So is most of dm_control's search for MuJoCo's warnings, which takes 4 of
    the 20 us of a step of cheetah: it is only done where their counters have changed.
    """

    def __init__(self, world: Any) -> None:
        self._world, self._task, self._physics = world, world.task, world.physics
        self._substeps, self._limit = world._n_sub_steps, world._step_limit
        self._count = 0
        usual = load("dm_control.mujoco.engine").Physics.step
        self._plain = type(self._physics).step is usual and self._physics.legacy_step

    @property
    def limit(self) -> int | None:
        """Steps after which the time is over; None without end."""
        return None if math.isinf(self._limit) else math.ceil(self._limit)

    def reset(self) -> dict[str, Any]:
        """Start an episode; its first observation."""
        self._count = 0
        observation: dict[str, Any] = self._world.reset().observation
        return observation

    def step(self, control: Any) -> tuple[Any, Any]:
        """Take one step: reward and discount."""
        task, physics = self._task, self._physics
        task.before_step(control, physics)
        if self._plain:
            before = physics._warnings.tobytes()
            physics._step_with_up_to_date_position_velocity(self._substeps)
            if physics._warnings.tobytes() != before:
                self._warn(before)
        else:
            physics.step(self._substeps)
        task.after_step(physics)
        reward = task.get_reward(physics)
        self._count += 1
        if self._count >= self._limit:
            return reward, 1.0
        return reward, task.get_termination(physics)

    def _warn(self, before: bytes) -> None:
        """Let dm_control say which warnings are new; `before` are the counters before."""
        physics = self._physics
        with physics.check_invalid_state():
            physics._warnings_before[:] = np.frombuffer(before, physics._warnings.dtype)

    def observe(self) -> dict[str, Any]:
        """What the world shows now."""
        observation: dict[str, Any] = self._task.get_observation(self._physics)
        return observation


def stepper(world: Any) -> Whole | Direct:
    """The cheapest way to move a world that gives what its own `step` gives."""
    control = sys.modules.get("dm_control.rl.control")
    if control is not None and type(world) is control.Environment and not world._flat_observation:
        return Direct(world)
    return Whole(world)
