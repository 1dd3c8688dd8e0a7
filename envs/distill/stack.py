"""Many small networks of one shape, trained in one program.

Weights of all networks stand in one matrix, a row each; layers are batched products, the
gradients are written out, and every update is made in place. What a network becomes does
not depend on how many stand beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from leapbench.envs.distill.shape import Shape

CHUNK = 16
"""Networks that are updated together: as many as the processor's cache holds."""
MOMENTUM, DECAY = 0.9, 5e-4
"""Of Nesterov's momentum and of the weights (the released code's `args.py`)."""


def initial(shape: Shape, rng: np.random.Generator) -> NDArray[np.float32]:
    """Weights of a new network, (parameters,): normal of variance 2 / inputs, biases 0."""
    parts = []
    for inputs, outputs in shape.layers:
        scale = np.float32(np.sqrt(2 / inputs))
        parts += [scale * rng.standard_normal(inputs * outputs, np.float32)]
        parts += [np.zeros(outputs, np.float32)]
    return np.concatenate(parts)


@dataclass
class Layer:
    """Views of one layer in a matrix of parameters.

    Attributes:
        weight: (S, inputs, outputs).
        bias: (S, 1, outputs).
    """

    weight: Tensor
    bias: Tensor


def split(shape: Shape, flat: Tensor) -> list[Layer]:
    """The layers in a matrix of parameters (S, parameters), as views."""
    found, at, count = [], 0, len(flat)
    for inputs, outputs in shape.layers:
        weight = flat[:, at : at + inputs * outputs].view(count, inputs, outputs)
        at += inputs * outputs
        found.append(Layer(weight, flat[:, at : at + outputs].view(count, 1, outputs)))
        at += outputs
    return found


class Stack:
    """Networks of one shape with their momentum.

    Args:
        shape: of all of them.
        weights: (S, parameters); it is the stack's from then on.
        velocity: (S, parameters), likewise; None for zeros.
    """

    def __init__(self, shape: Shape, weights: Tensor, velocity: Tensor | None = None) -> None:
        self.shape, self.weights = shape, weights
        self.velocity = torch.zeros_like(weights) if velocity is None else velocity
        self._slopes = torch.empty_like(weights)
        self._layers, self._grads = split(shape, weights), split(shape, self._slopes)

    def __len__(self) -> int:
        return len(self.weights)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Inputs of every layer as it takes them, and the outputs (S, B, outputs) last.

        Args:
            x: (S, B, inputs).
        """
        count, batch, patches = len(x), x.shape[1], self.shape.patches
        seen = [x.reshape(count, batch * patches, -1)]
        for place, layer in enumerate(self._layers):
            if place:
                seen[-1].relu_()
            if place == 1:
                seen[-1] = seen[-1].view(count, batch, -1)
            seen.append(torch.baddbmm(layer.bias, seen[-1], layer.weight))
        return seen

    def update(self, x: Tensor, slope: Callable[[Tensor], Tensor], lr: Tensor) -> None:
        """One step of stochastic gradient descent with Nesterov's momentum.

        Args:
            x: (S, B, inputs).
            slope: gradient of each network's loss by its outputs; may overwrite them.
            lr: learning rate of each, (S, 1).
        """
        *seen, out = self.forward(x)
        back = slope(out)
        for place in reversed(range(len(seen))):
            layer, grad, inputs = self._layers[place], self._grads[place], seen[place]
            torch.bmm(inputs.transpose(1, 2), back, out=grad.weight)
            torch.sum(back, 1, keepdim=True, out=grad.bias)
            if place:
                back = torch.bmm(back, layer.weight.transpose(1, 2)).mul_(inputs > 0)
            if place == 1:
                back = back.view(len(back), seen[0].shape[1], -1)
        slopes = self._slopes.add_(self.weights, alpha=DECAY)
        self.velocity.mul_(MOMENTUM).add_(slopes)
        self.weights.addcmul_(slopes.add_(self.velocity, alpha=MOMENTUM), lr, value=-1)


def outputs(shape: Shape, weights: Tensor, x: Tensor) -> Tensor:
    """What networks give for one set of inputs, (S, N, outputs).

    Args:
        shape: of the networks.
        weights: (S, parameters).
        x: (N, inputs).
    """
    return Stack(shape, weights).forward(x.expand(len(weights), *x.shape))[-1]


def features(shape: Shape, weights: Tensor, x: Tensor) -> Tensor:
    """What the last layers see, (S, N, features); arguments as of `outputs`."""
    return Stack(shape, weights).forward(x.expand(len(weights), *x.shape))[-2]
