"""What the domains of dm_control's suite share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from leapbench.envs.dm_control.adapter import DmControlEnv
from leapbench.envs.dm_control.backend import load
from leapbench.envs.urlb.dmc.tasks import chosen

HORIZON = 1000
"""Actions of an episode."""


class SuiteEnv(DmControlEnv):
    """A domain of the suite with tasks of one's own, and without any.

    Args:
        task: one of `tasks`, or None for no reward.
        frames: see `DmControlEnv`, as for the rest.
        dtype: of observations.
        render_mode: None or "rgb_array".

    Attributes:
        tasks: what sets each task apart: a goal or a reward function.
        timestep: of an action, s.
        view: name of the camera to draw from.

    Raises:
        UserError: for wrong arguments, or when dm_control is missing.
    """

    tasks: ClassVar[Mapping[str, Any]]
    timestep: ClassVar[float]
    view: ClassVar[str]

    def __init__(
        self,
        task: str | None = None,
        frames: int = 1,
        dtype: str = "float32",
        render_mode: str | None = None,
    ) -> None:
        target = chosen(self.tasks, task, None)

        def build(random: np.random.RandomState) -> Any:
            physics, world = self.parts(task, target, random)
            environment = load("dm_control.rl.control").Environment
            return environment(physics, world, control_timestep=self.timestep)

        super().__init__(build, HORIZON, frames, dtype, render_mode, camera=self.view)

    @staticmethod
    @abstractmethod
    def parts(task: str | None, target: Any, random: np.random.RandomState) -> tuple[Any, Any]:
        """The simulation, and the task of the suite with its reward replaced.

        Args:
            task: name of the task; None for none.
            target: what belongs to it in `tasks`; None for none.
            random: what starting states are drawn from.
        """
