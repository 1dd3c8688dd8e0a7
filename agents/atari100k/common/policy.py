"""A data-efficient Rainbow as an agent: its settings, its spaces and how it acts."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray

from leapbench.agents.atari100k.common.backbone import Backbone
from leapbench.agents.atari100k.common.learner import Learner
from leapbench.agents.atari100k.common.student import RainbowStudent
from leapbench.agents.common.auxiliary import Auxiliary
from leapbench.agents.common.life import Life, Sizes
from leapbench.errors import UserError

SIDE = 84


class Rainbow(Life[Learner]):
    """Data-efficient Rainbow with losses on imagined steps.

    Args:
        auxiliary: what is learned besides.
        epsilon: share of random actions when evaluated without `deterministic`.
        **backbone: see `Backbone`.

    Raises:
        UserError: for a setting that has no meaning.
    """

    def __init__(self, auxiliary: Auxiliary, epsilon: float = 0.001, **backbone: Any) -> None:
        super().__init__()
        if not 0 <= epsilon <= 1:
            raise UserError(f"epsilon must be in [0, 1], got {epsilon}.")
        self.auxiliary, self.epsilon = auxiliary, epsilon
        self.backbone = Backbone(**backbone)

    def measure(self, observation: Any, action: Any) -> Sizes:
        """Frames of a stack and number of actions; see `Life.measure`."""
        boxes = isinstance(observation, gym.spaces.Box) and observation.dtype == np.uint8
        fits = boxes and len(observation.shape) == 3 and observation.shape[1:] == (SIDE, SIDE)
        if not fits or not isinstance(action, gym.spaces.Discrete):
            raise UserError(
                f"{type(self).__name__} needs observations uint8 (stack, {SIDE}, {SIDE}) and a "
                f"choice of actions, got {observation} and {action}.",
                "Use it on an atari100k task.",
            )
        return {"stack": int(observation.shape[0]), "actions": int(action.n)}

    def make(self, sizes: Sizes, seed: int, device: torch.device) -> Learner:
        """See `Life.make`."""
        stack, actions = int(sizes["stack"]), int(sizes["actions"])
        return Learner(stack, actions, self.backbone, self.auxiliary, seed, device)

    def student(self, learner: Learner, sizes: Sizes, limit: int, seed: int) -> RainbowStudent:
        """See `Life.student`."""
        return RainbowStudent(learner, (int(sizes["stack"]), SIDE, SIDE), limit, seed)

    def predict(
        self,
        observation: NDArray[np.uint8],
        state: Any = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[np.int64], Any]:
        """Best actions int64 (B,) by the mean weights; a few random ones unless `deterministic`.

        Raises:
            UserError: before `learn` or `load`.
        """
        learner = self._require()
        actions = learner.values(observation, noisy=False).argmax(1).cpu().numpy()
        if not deterministic:
            chance = self._rng.random(len(actions)) < self.epsilon
            drawn = self._rng.integers(learner.head.actions, size=len(actions))
            actions = np.where(chance, drawn, actions)
        return actions.astype(np.int64), state
