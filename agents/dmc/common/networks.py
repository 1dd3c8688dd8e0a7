"""Networks of soft actor-critic on states and pixels, and of SPR's model for it.

The pixel encoder is CURL's (Laskin et al., 2020); the model and the projections are those
of the SPR agent in the code of Yu et al., PlayVirtual, NeurIPS 2021.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

LOWEST, HIGHEST = -10.0, 2.0
"""Of the logarithm of the actor's standard deviation."""
FEATURES = 50
"""Numbers of a latent."""


class Body(nn.Module):
    """What comes before a latent; actor and critic share it.

    Args:
        shape: of an observation: (numbers,), or (channels, height, width) of pixels in [0, 1].
        filters: of each convolution.
        hidden: units of the layer for states.

    Attributes:
        outputs: numbers out.
    """

    def __init__(self, shape: tuple[int, ...], filters: int, hidden: int) -> None:
        super().__init__()
        if len(shape) == 1:
            self.layers = nn.Sequential(nn.Linear(shape[0], hidden), nn.ReLU())
            self.outputs = hidden
            return
        layers: list[nn.Module] = []
        channels, side = shape[0], shape[1]
        for stride in (2, 1, 1, 1):
            layers += [nn.Conv2d(channels, filters, 3, stride), nn.ReLU(True)]
            channels, side = filters, (side - 3) // stride + 1
        self.layers = nn.Sequential(*layers).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.outputs = filters * side * side

    def forward(self, seen: Tensor) -> Tensor:
        """(N, *shape) to (N, outputs)."""
        made = self.layers(seen)
        if made.dim() == 2:
            return made  # type: ignore[no-any-return]
        # As the numbers lie in memory, which spares a copy.
        return made.permute(0, 2, 3, 1).flatten(1)  # type: ignore[no-any-return]


class Top(nn.Sequential):
    """(N, inputs) to latents (N, FEATURES)."""

    def __init__(self, inputs: int) -> None:
        super().__init__(nn.Linear(inputs, FEATURES), nn.LayerNorm(FEATURES))


class Encoder(nn.Module):
    """Observations to latents."""

    def __init__(self, shape: tuple[int, ...], filters: int, hidden: int) -> None:
        super().__init__()
        self.body = Body(shape, filters, hidden)
        self.top = Top(self.body.outputs)

    def forward(self, seen: Tensor) -> Tensor:
        """(N, *shape) to (N, FEATURES)."""
        return self.top(self.body(seen))  # type: ignore[no-any-return]


class Actor(nn.Module):
    """A normal distribution squashed into [-1, 1].

    Args:
        inputs: numbers that the encoder's body gives.
        actions: numbers of an action.
        hidden: units of both hidden layers.
    """

    def __init__(self, inputs: int, actions: int, hidden: int) -> None:
        super().__init__()
        self.top = Top(inputs)
        self.layers = mlp(FEATURES, hidden, hidden, 2 * actions)

    def forward(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        """(N, inputs) to mean and logarithm of the standard deviation, each (N, actions)."""
        mean, spread = self.layers(self.top(seen)).chunk(2, dim=-1)
        return mean, LOWEST + (HIGHEST - LOWEST) / 2 * (torch.tanh(spread) + 1)

    def sample(self, seen: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Actions (N, actions) and their log-density (N,), from normal noise (N, actions)."""
        mean, spread = self(seen)
        raw = mean + spread.exp() * noise
        density = -(noise.square() / 2 + spread + 0.9189385).sum(1)
        # log(1 - tanh^2), in a form that does not lose its digits
        squash = 2 * (0.6931472 - raw - functional.softplus(-2 * raw))
        return torch.tanh(raw), density - squash.sum(1)


class Stacked(nn.Module):
    """Two linear layers in one product.

    Args:
        inputs: numbers in.
        outputs: numbers out.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        both = [nn.Linear(inputs, outputs) for _ in range(2)]
        self.weight = nn.Parameter(torch.stack([each.weight.detach().T for each in both]))
        self.bias = nn.Parameter(torch.stack([each.bias.detach()[None] for each in both]))

    def forward(self, inputs: Tensor, frozen: bool = False) -> Tensor:
        """(2, N, inputs) to (2, N, outputs); no gradient into the weights if `frozen`."""
        weight: Tensor = self.weight
        bias: Tensor = self.bias
        if frozen:
            weight, bias = weight.detach(), bias.detach()
        return torch.baddbmm(bias, inputs, weight)


class Critic(nn.Module):
    """Two action values.

    Args:
        actions: numbers of an action.
        hidden: units of both hidden layers.
    """

    def __init__(self, actions: int, hidden: int) -> None:
        super().__init__()
        self.first = Stacked(FEATURES + actions, hidden)
        self.second = Stacked(hidden, hidden)
        self.last = Stacked(hidden, 1)

    def forward(self, latent: Tensor, action: Tensor, frozen: bool = False) -> Tensor:
        """(N, FEATURES) and (N, actions) to both values (2, N)."""
        joint = torch.cat([latent, action], dim=-1).expand(2, -1, -1)
        made = functional.relu(self.first(joint, frozen))
        made = functional.relu(self.second(made, frozen))
        return self.last(made, frozen).squeeze(-1)  # type: ignore[no-any-return]


class Model(nn.Module):
    """The next latent from a latent and an action.

    Args:
        actions: numbers of an action.
        hidden: units of the hidden layer; 512 as published.
    """

    def __init__(self, actions: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(FEATURES + actions, hidden),
            nn.LayerNorm(hidden),
            nn.ReLU(),
            nn.Linear(hidden, FEATURES),
        )

    def rollout(self, latent: Tensor, actions: Tensor) -> Tensor:
        """From (B, FEATURES) and actions (B, K, actions), K steps (K * B, FEATURES), by step."""
        made = []
        for action in actions.unbind(1):
            latent = self.layers(torch.cat([latent, action], dim=1))
            made.append(latent)
        return torch.cat(made)


def mlp(*widths: int) -> nn.Sequential:
    """Linear layers with ReLU between them."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def projection() -> nn.Sequential:
    """Latents to what SPR compares (N, FEATURES)."""
    return mlp(FEATURES, 2 * FEATURES, FEATURES)
