"""Acts by a sampled action, and learns from uniformly drawn transitions and sequences."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from leapbench.agents.common.augment import Augmenter
from leapbench.agents.common.replay import FINAL, Ints, Replay
from leapbench.agents.dmc.common.learner import Learner
from leapbench.agents.dmc.common.side import Inputs

CHANNELS = 3
"""Of a frame of pixels."""


class SacStudent:
    """See `leapbench.agents.common.practice.Student`.

    Args:
        learner: networks and their update.
        shape: of an observation, (numbers,) or (3 * stack, height, width) of pixels.
        limit: steps that are ever stored.
        seed: of what is drawn.
    """

    def __init__(self, learner: Learner, shape: tuple[int, ...], limit: int, seed: int) -> None:
        pixels, own = len(shape) == 3, learner.backbone
        frame, stack = ((CHANNELS, *shape[1:]), shape[0] // CHANNELS) if pixels else (shape, 1)
        self.learner = learner
        self.replay = Replay(frame, stack, (learner.actions,), limit, pixels, discrete=False)
        self.rng = np.random.default_rng([seed, 1])
        self.views: Inputs = self._numbers
        self.changed: Inputs = self._numbers
        if pixels:
            device = learner.device
            self.views = Augmenter(self.replay, self.rng, device, own.pad, 0.0).whole
            self.changed = Augmenter(self.replay, self.rng, device, own.pad, own.intensity).whole

    def act(self, observation: NDArray[Any], count: int) -> NDArray[np.float32]:
        """A random action in the warm-up, then one of the actor's."""
        if count < self.learner.backbone.warmup:
            return self.rng.uniform(-1, 1, self.learner.actions).astype(np.float32)
        acted: NDArray[np.float32] = self.learner.act(observation[None], noisy=True)[0]
        return acted

    def learn(self, count: int) -> dict[str, Tensor]:
        """One update for each step after the warm-up."""
        ahead = self.learner.side.auxiliary.ahead
        if count <= self.learner.backbone.warmup or self.replay.head <= ahead + 3:
            return {}
        return self.update()

    def update(self) -> dict[str, Tensor]:
        """One update."""
        own, auxiliary = self.learner.backbone, self.learner.side.auxiliary
        found = self.replay.read(self._drawn(own.batch, 0), 0, 1, own.discount)
        sequences = None
        if self.learner.side.needed:
            reach = auxiliary.ahead + 1 if auxiliary.ahead else 0
            rows = self._drawn(own.sequences, reach)
            sequences = self.replay.read(rows, reach, 1, own.discount)
        return self.learner.update(self.views, found, self.changed, sequences)

    def state_dict(self) -> dict[str, Any]:
        """Networks, replay and what is drawn next."""
        return {
            "learner": self.learner.state_dict(),
            "replay": self.replay.state_dict(),
            "random": self.rng.bit_generator.state,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` gave."""
        self.learner.load_state_dict(state["learner"])
        self.replay.load_state_dict(state["replay"])
        self.rng.bit_generator.state = state["random"]

    def _drawn(self, count: int, ahead: int) -> Ints:
        """Rows int64 (count,) of steps that have `ahead + 1` rows after them."""
        end = self.replay.head - 1 - ahead
        rows = self.rng.integers(1, end, count)
        while (bad := self.replay.kinds[rows] == FINAL).any():
            rows[bad] = self.rng.integers(1, end, int(bad.sum()))
        return rows

    def _numbers(self, rows: Ints) -> Tensor:
        seen = torch.from_numpy(self.replay.observations(rows))
        return seen.to(self.learner.device)
