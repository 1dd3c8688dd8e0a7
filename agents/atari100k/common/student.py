"""Acts by its noisy values, and learns from prioritised sequences."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from leapbench.agents.atari100k.common.learner import Learner
from leapbench.agents.atari100k.common.priorities import Priorities, importance
from leapbench.agents.common.augment import Augmenter
from leapbench.agents.common.replay import FINAL, Replay


class RainbowStudent:
    """See `leapbench.agents.common.practice.Student`.

    Args:
        learner: networks and their update.
        shape: of an observation, (stack, 84, 84).
        limit: steps that are ever stored, over which beta rises to 1.
        seed: of what is drawn.
    """

    def __init__(
        self, learner: Learner, shape: tuple[int, int, int], limit: int, seed: int
    ) -> None:
        backbone = learner.backbone
        self.learner, self.limit = learner, limit
        self.replay = Replay(shape[1:], shape[0], (), limit, pixels=True, discrete=True)
        self.priorities = Priorities(len(self.replay.kinds), backbone.alpha)
        self.rng = np.random.default_rng([seed, 1])
        given = self.replay, self.rng, learner.device, backbone.pad, backbone.intensity
        self.augmenter = Augmenter(*given, last=learner.encoder.last)
        self.reach = learner.auxiliary.ahead + backbone.steps
        self.ready = 1

    def act(self, observation: NDArray[Any], count: int) -> int:
        """A random action in the warm-up, then the best by the newest noise."""
        if count < self.learner.backbone.warmup:
            return int(self.rng.integers(self.learner.head.actions))
        return int(self.learner.values(observation[None], noisy=True).argmax())

    def learn(self, count: int) -> dict[str, Tensor]:
        """Update as often as a step asks for."""
        self._admit()
        losses: dict[str, Tensor] = {}
        if count > self.learner.backbone.warmup and self.priorities.total:
            for _ in range(self.learner.backbone.updates):
                losses = self.update(count)
        return losses

    def update(self, count: int) -> dict[str, Tensor]:
        """One update, with beta as after `count` steps."""
        backbone = self.learner.backbone
        rows, chances = self.priorities.draw(backbone.batch, self.rng)
        beta = backbone.beta + (1 - backbone.beta) * min(1.0, count / self.limit)
        ahead = self.learner.auxiliary.ahead
        found = self.replay.read(rows, ahead, backbone.steps, backbone.discount)
        priorities, losses = self.learner.update(self.augmenter, found, importance(chances, beta))
        self.priorities.set(rows, priorities.cpu().numpy())
        return losses

    def state_dict(self) -> dict[str, Any]:
        """Networks, replay, priorities and what is drawn next."""
        return {
            "learner": self.learner.state_dict(),
            "replay": self.replay.state_dict(),
            "priorities": torch.from_numpy(self.priorities.state(self.replay.head)),
            "random": self.rng.bit_generator.state,
            "ready": self.ready,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` gave."""
        self.learner.load_state_dict(state["learner"])
        self.replay.load_state_dict(state["replay"])
        self.priorities.restore(state["priorities"].numpy())
        self.rng.bit_generator.state = state["random"]
        self.ready = int(state["ready"])

    def _admit(self) -> None:
        """Give rows whose sequences are complete the priority of what is new, 1."""
        end = self.replay.head - self.reach
        if end > self.ready:
            rows = np.arange(self.ready, end)
            self.priorities.set(rows, (self.replay.kinds[rows] != FINAL).astype(np.float64))
            self.ready = end
