"""Soft actor-critic as an agent: its settings, its spaces and how it acts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray

from leapbench.agents.common.auxiliary import Auxiliary
from leapbench.agents.common.bounds import bounded, part
from leapbench.agents.common.life import Life, Sizes
from leapbench.agents.common.practice import Point
from leapbench.agents.dmc.common import probe
from leapbench.agents.dmc.common.backbone import Backbone
from leapbench.agents.dmc.common.learner import Learner
from leapbench.agents.dmc.common.student import CHANNELS, SacStudent
from leapbench.contract.agent import LearningPhase
from leapbench.errors import UserError


@dataclass(eq=False)
class Sac(Life[Learner], Backbone, Auxiliary):
    """Soft actor-critic with auxiliary losses; by default with none.

    As published SPR and VCR imagine 3 steps. Eq 6 holds the action taken to the critic's own
    target, one step's reward and the soft value of what follows. The paper writes that target
    without the entropy, and does not say how many random actions it compares besides.

    Args:
        contrast: weight of CURL's loss.

    Raises:
        UserError: for a setting that has no meaning.
    """

    contrast: float = 0.0

    def __post_init__(self) -> None:
        Life.__init__(self)
        bounded(self, {"contrast": 0})
        self.auxiliary, self.backbone = part(Auxiliary, self), part(Backbone, self)

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

    def probe(self, phase: LearningPhase, learner: Learner) -> list[Point]:
        """See `Life.probe`."""
        return probe.learn_model(phase, learner)

    def sizes_of(self, data: Any) -> Sizes:
        """See `Life.sizes_of`; an encoder that is not used is made for one number."""
        return {"observation": [1], "actions": int(data.shapes["actions"][0])}

    def imagine(self, latents: NDArray[np.float32], actions: NDArray[np.float32]) -> Any:
        """Latents that the model imagines; see `probe.imagine`."""
        return probe.imagine(self._require(), latents, actions)

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
