"""Tasks of dm_control's suite as they are."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from leapbench.envs.dm_control.adapter import DmControlEnv
from leapbench.envs.dm_control.backend import load
from leapbench.errors import unknown


class SuiteTaskEnv(DmControlEnv):
    """`suite.load(domain, task)` with dm_control's own rewards and time limit.

    Args:
        domain: of the suite, such as "cheetah".
        task: one of the domain's, such as "run".
        frames: see `DmControlEnv`, as for the rest.
        dtype: "float32" or "float64", of observations.
        render_mode: None or "rgb_array".
        camera: name or number of the camera to draw from.

    Raises:
        UserError: for wrong arguments, or when dm_control is missing.
    """

    def __init__(
        self,
        domain: str,
        task: str,
        frames: int = 1,
        dtype: str = "float32",
        render_mode: str | None = None,
        camera: str | int = 0,
    ) -> None:
        known: dict[str, tuple[str, ...]] = load("dm_control.suite").TASKS_BY_DOMAIN
        if domain not in known:
            raise unknown("domain", str(domain), known)
        if task not in known[domain]:
            raise unknown(f"task of {domain}", str(task), known[domain])
        super().__init__(partial(loaded, domain, task), None, frames, dtype, render_mode, camera)


def loaded(domain: str, task: str, random: np.random.RandomState) -> Any:
    """A task of the suite that draws from `random`."""
    return load("dm_control.suite").load(domain, task, task_kwargs={"random": random})
