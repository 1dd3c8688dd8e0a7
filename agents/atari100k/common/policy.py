"""A data-efficient Rainbow as an agent: its settings, its spaces and how it acts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray

from leapbench.agents.atari100k.common import probe
from leapbench.agents.atari100k.common.backbone import Backbone
from leapbench.agents.atari100k.common.learner import Learner
from leapbench.agents.atari100k.common.student import RainbowStudent
from leapbench.agents.common.auxiliary import Auxiliary
from leapbench.agents.common.bounds import bounded, part
from leapbench.agents.common.life import Life, Sizes
from leapbench.agents.common.practice import Point
from leapbench.contract.agent import LearningPhase
from leapbench.errors import UserError

SIDE = 84


@dataclass(eq=False)
class Rainbow(Life[Learner], Backbone, Auxiliary):
    """Data-efficient Rainbow with losses on imagined steps; by default with none.

    As published SPR and VCR imagine 5 steps. A weight of SPR's loss of 2 is that of the
    released code: 5 times the mean over its 5 steps of the squared distance.

    Args:
        epsilon: share of random actions when evaluated without `deterministic`.

    Raises:
        UserError: for a setting that has no meaning.
    """

    epsilon: float = 0.001

    def __post_init__(self) -> None:
        Life.__init__(self)
        bounded(self, {}, (), ("epsilon",))
        self.auxiliary, self.backbone = part(Auxiliary, self), part(Backbone, self)

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

    def probe(self, phase: LearningPhase, learner: Learner) -> list[Point]:
        """See `Life.probe`."""
        return probe.learn_model(phase, learner)

    def sizes_of(self, data: Any) -> Sizes:
        """See `Life.sizes_of`; observations are taken for stacks of 4 frames."""
        atoms = len(data.weights["head.value.bias"])
        return {"stack": 4, "actions": len(data.weights["head.advantage.bias"]) // atoms}

    def imagine(self, latents: NDArray[np.float32], actions: NDArray[np.int64]) -> Any:
        """Latents that the model imagines; see `probe.imagine`."""
        return probe.imagine(self._require(), latents, actions)

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
