"""Encoder and dueling head of a Rainbow, read from a file of arrays."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from leapbench.tasks.imagination import Floats, Ints

TOGETHER = 256
"""Observations that are encoded at once."""


class Frozen:
    """What the networks of an agent give, without learning and without noise.

    Args:
        weights: float32 by "part.name", as in the agents' files.
        strides: of the encoder's convolutions.
        limit: the largest return that the head can tell.
    """

    def __init__(
        self, weights: Mapping[str, Floats], strides: tuple[int, ...], limit: float
    ) -> None:
        self.weights, self.strides, self.limit = weights, strides, limit

    @torch.no_grad()
    def latents(self, observations: NDArray[np.uint8]) -> Floats:
        """Observations uint8 (N, stack, 84, 84) to latents (N, channels, height, width)."""
        each = np.array_split(observations, -(-len(observations) // TOGETHER))
        return np.concatenate([self._encoded(part) for part in each])

    @torch.no_grad()
    def values(self, latents: Floats) -> Floats:
        """Values (N, actions) of latents (N, channels, height, width)."""
        seen = torch.from_numpy(np.ascontiguousarray(latents)).permute(0, 2, 3, 1).flatten(1)
        value, advantage = functional.relu(self._linear("first", seen)).chunk(2, dim=1)
        value = self._linear("value", value)
        atoms = value.shape[1]
        advantage = self._linear("advantage", advantage).view(len(seen), -1, atoms)
        logits = value.unsqueeze(1) + advantage - advantage.mean(1, keepdim=True)
        mean = logits.softmax(-1) @ torch.linspace(-self.limit, self.limit, atoms)
        found: Floats = mean.numpy()
        return found

    def taken(self, latents: Floats, actions: Ints) -> Floats:
        """Values (N,) of actions int64 (N,)."""
        return self.values(latents)[np.arange(len(actions)), actions]

    def best(self, latents: Floats) -> Ints:
        """The actions int64 (N,) of the largest value."""
        best: Ints = self.values(latents).argmax(1)
        return best

    def _encoded(self, observations: NDArray[np.uint8]) -> Floats:
        made = torch.from_numpy(np.ascontiguousarray(observations)).float() / 255
        for i, stride in enumerate(self.strides):
            weight, bias = (self._tensor(f"encoder.layers.{2 * i}.{x}") for x in ("weight", "bias"))
            made = functional.relu(functional.conv2d(made, weight, bias, stride))
        low, high = made.amin((1, 2, 3), keepdim=True), made.amax((1, 2, 3), keepdim=True)
        found: Floats = ((made - low) / (high - low).clamp(min=1e-5)).numpy()
        return found

    def _linear(self, name: str, inputs: Tensor) -> Tensor:
        return functional.linear(inputs, *(self._tensor(f"head.{name}.{x}") for x in WEIGHTS))

    def _tensor(self, name: str) -> Tensor:
        return torch.from_numpy(self.weights[name])


WEIGHTS = ("weight", "bias")
"""Of a noisy layer, those without noise."""
