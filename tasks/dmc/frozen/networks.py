"""Encoder, actor and critic of a soft actor-critic, read from a file of arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
EPSILON = 1e-5
"""Of a layer norm, as in PyTorch."""


class Frozen:
    """What the networks of an agent give, without learning.

    Args:
        weights: float32 by "part.name", as in the agents' files.
    """

    def __init__(self, weights: Mapping[str, Floats]) -> None:
        self.weights = weights

    def latents(self, observations: Floats) -> Floats:
        """Observations (N, numbers) to latents (N, width)."""
        return self._top("encoder.top", self._body(observations))

    def choices(self, observations: Floats) -> Floats:
        """Mean actions (N, actions) for observations (N, numbers)."""
        made = self._top("actor.top", self._body(observations))
        for layer in ("0", "2"):
            made = np.maximum(self._linear(f"actor.layers.{layer}", made), 0)
        mean = self._linear("actor.layers.4", made)
        return np.tanh(mean[:, : mean.shape[1] // 2])

    def values(self, latents: Floats, actions: Floats) -> Floats:
        """The smaller of both action values (N,) of latents (N, width) and actions."""
        made: Floats = np.concatenate([latents, actions], axis=1)[None]
        for layer in ("first", "second", "last"):
            made = made @ self.weights[f"critic.{layer}.weight"]
            made = made + self.weights[f"critic.{layer}.bias"]
            made = made if layer == "last" else np.maximum(made, 0)
        smaller: Floats = made.min(0)[:, 0]
        return smaller

    def _body(self, observations: Floats) -> Floats:
        return np.maximum(self._linear("encoder.body.layers.0", observations), 0)

    def _top(self, name: str, inputs: Floats) -> Floats:
        made = self._linear(f"{name}.0", inputs)
        centred = made - made.mean(1, keepdims=True)
        spread = np.sqrt(np.square(centred).mean(1, keepdims=True) + EPSILON)
        found: Floats = centred / spread * self.weights[f"{name}.1.weight"]
        return found + self.weights[f"{name}.1.bias"]

    def _linear(self, name: str, inputs: Floats) -> Floats:
        made: Floats = inputs @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]
        return made


def whole(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Arrays with those of half precision widened, in which files keep them."""
    half = np.float16
    return {k: v.astype(np.float32) if v.dtype == half else v for k, v in arrays.items()}
