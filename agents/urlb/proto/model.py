"""Prototypes that states are assigned to, and how far states are from them (ProtoRL)."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn import functional

from leapbench.agents.urlb.common.descent import Descent, follow
from leapbench.agents.urlb.common.entropy import nearest
from leapbench.agents.urlb.common.networks import Randomness, mlp, orthogonal
from leapbench.agents.urlb.common.replay import Batch, Sizes

WIDTH, INNER, PROTOTYPES = 128, 512, 512
"""Numbers of an encoding, units of the projector, prototypes."""
QUEUE = 2048
"""Candidates that are remembered."""
NEIGHBOUR = 3
"""The reward is the distance to this nearest candidate."""
TEMPERATURE, ROUNDS, TAU = 0.1, 3, 0.05
"""Of the assignments, Sinkhorn's iterations, of the target encoder."""


class Prototypes(nn.Module):
    """ProtoRL (Yarats et al., 2021) on states.

    Args:
        sizes: of observations.
        rate: learning rate.
        seed: of the candidates.
    """

    queue: Tensor
    place: Tensor

    def __init__(self, sizes: Sizes, rate: float, seed: int) -> None:
        super().__init__()
        self.encode = orthogonal(nn.Linear(sizes.observation, WIDTH))
        self.target = deepcopy(self.encode).requires_grad_(False)
        self.project = mlp(WIDTH, INNER, WIDTH)
        self.prototypes = orthogonal(nn.Linear(WIDTH, PROTOTYPES, bias=False))
        self.register_buffer("queue", torch.zeros(QUEUE, WIDTH))
        self.register_buffer("place", torch.zeros((), dtype=torch.int64))
        self._descent = Descent(self, rate)
        self._random = Randomness(seed)

    def loss(self, batch: Batch) -> Tensor:
        """Cross-entropy of a state's assignment with that of its successor."""
        mine = functional.normalize(self.project(self.encode(batch.observation)), dim=1)
        log_odds = functional.log_softmax(self.prototypes(mine) / TEMPERATURE, dim=1)
        with torch.no_grad():
            later = functional.normalize(self.target(batch.next), dim=1)
            assigned = sinkhorn(self.prototypes(later) / TEMPERATURE)
        return -(assigned * log_odds).sum(dim=1).mean()

    def forward(self, batch: Batch) -> Tensor:
        """One step on the batch, and its rewards (B,)."""
        self._scale()
        self._descent(self.loss(batch))
        reward = self.reward(batch.next)
        follow(self.target, self.encode, TAU)
        return reward

    @torch.no_grad()
    def reward(self, observation: Tensor) -> Tensor:
        """Distance (B,) to the third nearest candidate; each prototype draws a new one."""
        self._scale()
        encoded = functional.normalize(self.encode(observation), dim=1)
        shares = functional.softmax(self.prototypes(encoded).T, dim=1)
        drawn = torch.multinomial(shares.cpu(), 1, generator=self._random.generator)[:, 0]
        place = int(self.place)
        self.queue[place : place + PROTOTYPES] = encoded[drawn.to(encoded.device)]
        self.place.fill_((place + PROTOTYPES) % QUEUE)
        return nearest(encoded, self.queue, NEIGHBOUR).amax(dim=1)

    @torch.no_grad()
    def _scale(self) -> None:
        """Give every prototype length 1."""
        weight = self.prototypes.weight
        weight.copy_(functional.normalize(weight, dim=1))


def sinkhorn(scores: Tensor) -> Tensor:
    """Assignments (B, P) with rows that sum to 1 and columns that are about equal.

    Rows and columns of exp(scores) are scaled in turn (Cuturi, 2013).
    """
    shares = (scores - scores.max()).exp()
    shares = shares / shares.sum()
    for _ in range(ROUNDS):
        shares = shares / (shares.sum(dim=0, keepdim=True) * shares.shape[1])
        shares = shares / (shares.sum(dim=1, keepdim=True) * shares.shape[0])
    return shares / shares.sum(dim=1, keepdim=True)
