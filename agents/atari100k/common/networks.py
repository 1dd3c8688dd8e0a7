"""Networks of the data-efficient Rainbow and of SPR's model (Schwarzer et al., ICLR 2021)."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from leapbench.agents.atari100k.common.noisy import Noise, NoisyLatent, NoisyLinear
from leapbench.errors import unknown

SMALL = 1e-5
"""Least range that a latent is divided by."""
ENCODERS = {
    "nature": ((1, 8, 4), (2, 4, 2), (2, 3, 1)),
    "data-efficient": ((1, 5, 5), (2, 5, 5)),
}
"""(multiple of the filters, kernel, stride) of each layer: Mnih et al. (2015), with which SPR
was published, and van Hasselt et al. (2019), about six times as cheap."""


def rescale(latent: Tensor) -> Tensor:
    """Each latent (N, channels, height, width) moved and scaled into [0, 1]."""
    apart = latent.permute(0, 2, 3, 1).flatten(1)
    low, high = apart.amin(1), apart.amax(1)
    scale = (high - low).clamp(min=SMALL).reciprocal()
    return (latent - low.view(-1, 1, 1, 1)) * scale.view(-1, 1, 1, 1)


class Encoder(nn.Module):
    """Convolutions without padding, then `rescale`.

    Args:
        channels: of the input.
        filters: of the first layer; 32 as published, and twice that in the others.
        kind: a key of `ENCODERS`.
        side: height and width of the input in pixels.

    Attributes:
        shape: (channels, height, width) of a latent.
        last: whether it is faster with the input's channels last in memory: not where patches
            do not overlap, which cost less than widening their numbers.

    Raises:
        UserError: for an unknown kind.
    """

    def __init__(self, channels: int, filters: int, kind: str, side: int = 84) -> None:
        super().__init__()
        if kind not in ENCODERS:
            raise unknown("encoder", kind, ENCODERS)
        layers: list[nn.Module] = []
        for multiple, kernel, stride in ENCODERS[kind]:
            layers += [nn.Conv2d(channels, filters * multiple, kernel, stride), nn.ReLU(True)]
            channels, side = filters * multiple, (side - kernel) // stride + 1
        self.layers = nn.Sequential(*layers)
        self.shape, self.last = (channels, side, side), kind == "nature"

    def forward(self, images: Tensor) -> Tensor:
        """(N, channels, side, side) in [0, 1] to latents (N, *shape) in [0, 1]."""
        return rescale(self.layers(images))


class Head(nn.Module):
    """Dueling distributions of returns, from noisy layers.

    The first layers of both branches are one matrix: value in the first half of the units,
    advantage in the second. Without noise they are SPR's projection.

    Args:
        shape: (channels, height, width) of a latent.
        actions: of the game.
        hidden: units of each branch.
        atoms: of a distribution.
        sigma: initial noise of the noisy layers.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        actions: int,
        hidden: int,
        atoms: int,
        sigma: float,
    ) -> None:
        super().__init__()
        self.actions, self.atoms, self.width = actions, atoms, hidden
        self.first = NoisyLatent(shape, hidden, sigma, branches=2)
        self.value = NoisyLinear(hidden, atoms, sigma)
        self.advantage = NoisyLinear(hidden, atoms * actions, sigma)

    def hidden(self, latent: Tensor, noise: Noise | None = None) -> Tensor:
        """Latents (N, *shape) to pre-activations (N, 2 * hidden)."""
        made: Tensor = self.first(latent, noise and noise["first"])
        return made

    def logits(self, hidden: Tensor, noise: Noise | None = None) -> Tensor:
        """Pre-activations (N, 2 * hidden) to logits (N, actions, atoms)."""
        value, advantage = functional.relu(hidden).chunk(2, dim=1)
        value = self.value(value, noise and noise["value"])
        advantage = self.advantage(advantage, noise and noise["advantage"])
        advantage = advantage.view(-1, self.actions, self.atoms)
        made: Tensor = value.unsqueeze(1) + advantage - advantage.mean(1, keepdim=True)
        return made

    def draw(self, generator: torch.Generator) -> Noise:
        """Noise for all layers."""
        layers = {"first": self.first, "value": self.value, "advantage": self.advantage}
        return {name: layer.draw(generator) for name, layer in layers.items()}


class Model(nn.Module):
    """What a latent becomes when an action is taken: two 3 x 3 convolutions.

    The planes of the one-hot action are constant, so what the first convolution makes of
    them is looked up for each action and added, which is the same and cheaper.

    Args:
        shape: (channels, height, width) of a latent.
        actions: of the game.
    """

    reach: Tensor

    def __init__(self, shape: tuple[int, int, int], actions: int) -> None:
        super().__init__()
        channels, height, width = shape
        whole = nn.Conv2d(channels + actions, channels, 3, padding=1)
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        with torch.no_grad():
            self.first.weight.copy_(whole.weight[:, :channels])
            self.first.bias.copy_(whole.bias)  # type: ignore[union-attr, arg-type]
        self.action = nn.Parameter(whole.weight[:, channels:].detach().clone())
        self.norm = nn.BatchNorm2d(channels)
        self.actions, self.shape = actions, shape
        ones = functional.unfold(torch.ones(1, 1, height, width), 3, padding=1)
        self.register_buffer("reach", ones[0], persistent=False)

    def planes(self, actions: Tensor) -> Tensor:
        """What actions int64 (N,) add to the first convolution (N, channels, h, w)."""
        taps = self.action.permute(1, 0, 2, 3).flatten(2)
        table = (taps @ self.reach).flatten(1)
        chosen = functional.one_hot(actions, self.actions).to(table.dtype) @ table
        return chosen.view(-1, *self.shape)

    def forward(self, latent: Tensor, planes: Tensor) -> Tensor:
        """The next latents (B, *shape), from what `planes` gave for the actions."""
        made = self.norm(functional.relu(self.first(latent) + planes))
        return rescale(functional.relu(self.second(made)))

    def rollout(self, latent: Tensor, actions: Tensor) -> Tensor:
        """K steps.

        Args:
            latent: (B, *shape).
            actions: int64 (B, K).

        Returns:
            (K * B, *shape), by step.
        """
        made = []
        for planes in self.planes(actions.T.flatten()).chunk(actions.shape[1]):
            latent = self(latent, planes)
            made.append(latent)
        return torch.cat(made)


class Scaled(torch.autograd.Function):
    """The input itself, with a scaled gradient."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, scale: float) -> Tensor:
        """See class."""
        ctx.scale = scale
        return inputs.view_as(inputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        """See class."""
        return gradients[0] * ctx.scale, None


DUELING = 1 / math.sqrt(2)
"""Scale of the gradient from both branches into the latent (Wang et al., 2016)."""
