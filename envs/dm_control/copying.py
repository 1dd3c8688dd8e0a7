"""States of a dm_control environment from which an equal, independent one is built.

Worlds of the suite are pickled as they are. Those of the composer hold weak references and
functions that cannot be, so they are built anew and their episode is played again. In both
cases MuJoCo's own data are copied last, bit for bit: loading them computes accelerations
without the actuators.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from leapbench.envs.dm_control.backend import load


class ComposerState(NamedTuple):
    """What a world of the composer is rebuilt from.

    Attributes:
        build: makes the world.
        start: seed of the episode, uint32 (4,); None before the first.
        controls: control signals of the actuators since.
    """

    build: Callable[[np.random.RandomState], Any]
    start: Any
    controls: list[Any]

    def world(self, random: np.random.RandomState) -> Any:
        """A world in the same state, which draws from `random`."""
        later = random.get_state()
        world = self.build(random)
        if self.start is not None:
            random.seed(self.start)
            world.reset()
            for control in self.controls:
                world.step(control)
        random.set_state(later)
        return world


def composed(world: Any) -> bool:
    """Whether a world is one of dm_control's composer."""
    composer = sys.modules.get("dm_control.composer")
    return composer is not None and isinstance(world, composer.Environment)


def simulation(world: Any) -> Any:
    """A copy of the `mujoco.MjData` of a world; None without a simulation."""
    physics = getattr(world, "physics", None)
    return None if physics is None else copy.copy(physics.data.ptr)


def take_over(world: Any, data: Any) -> None:
    """Give a world's simulation the values of `data`, bit for bit.

    A world of the composer takes over what may have been changed in the model too, in
    place, since its observables hold views of it.
    """
    if data is None:
        return
    physics = world.physics
    if composed(world):
        own, model = physics.model.ptr, data.model
        for name in dir(own):
            value = getattr(own, name)
            if isinstance(value, np.ndarray) and value.flags.writeable:
                value[...] = getattr(model, name)
    load("mujoco").mj_copyData(physics.data.ptr, physics.model.ptr, data)


def blank(kind: type[Any]) -> Any:
    """An instance without state, after the import that must not choose a window system."""
    load("dm_control.mujoco.engine")
    return object.__new__(kind)
