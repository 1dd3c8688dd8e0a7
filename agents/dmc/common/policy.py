"""Soft actor-critic as an agent: its settings, its spaces and how it acts."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray

from leapbench.agents.common.auxiliary import Auxiliary
from leapbench.agents.common.life import Life, Sizes
from leapbench.agents.dmc.common.backbone import Backbone
from leapbench.agents.dmc.common.learner import Learner
from leapbench.agents.dmc.common.student import CHANNELS, SacStudent
from leapbench.errors import UserError


class Sac(Life[Learner]):
    """Soft actor-critic with auxiliary losses.

    Args:
        auxiliary: losses on imagined steps.
        contrast: weight of CURL's loss.
        **backbone: see `Backbone`.

    Raises:
        UserError: for a setting that has no meaning.
    """

    def __init__(self, auxiliary: Auxiliary, contrast: float = 0.0, **backbone: Any) -> None:
        super().__init__()
        if not contrast >= 0:
            raise UserError(f"contrast must be 0 or more, got {contrast}.")
        self.auxiliary, self.contrast = auxiliary, contrast
        self.backbone = Backbone(**backbone)

    def measure(self, observation: Any, action: Any) -> Sizes:
        """Shape of an observation and numbers of an action; see `Life.measure`."""
        boxes = all(isinstance(space, gym.spaces.Box) for space in (observation, action))
        shape = tuple(observation.shape) if boxes else ()
        pixels = len(shape) == 3 and observation.dtype == np.uint8 and shape[0] % CHANNELS == 0
        fits = boxes and (pixels or len(shape) == 1) and len(action.shape) == 1
        if not fits or not (np.all(action.low == -1) and np.all(action.high == 1)):
            raise UserError(
                f"{type(self).__name__} needs numbers in a row or pixels uint8 (3 * stack, height, "
                f"width), and actions in [-1, 1], got {observation} and {action}.",
                "Use it on a dmc task.",
            )
        return {"observation": list(shape), "actions": int(action.shape[0])}

    def make(self, sizes: Sizes, seed: int, device: torch.device) -> Learner:
        """See `Life.make`."""
        shape, actions = tuple(sizes["observation"]), int(sizes["actions"])
        own = (self.backbone, self.auxiliary, self.contrast)
        return Learner(shape, actions, *own, seed, device)

    def student(self, learner: Learner, sizes: Sizes, limit: int, seed: int) -> SacStudent:
        """See `Life.student`."""
        return SacStudent(learner, tuple(sizes["observation"]), limit, seed)

    def predict(
        self,
        observation: NDArray[Any],
        state: Any = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[np.float32], Any]:
        """Actions float32 (B, actions): the mean, or a sample unless `deterministic`.

        Raises:
            UserError: before `learn` or `load`.
        """
        return self._require().act(observation, noisy=not deterministic), state
