"""Networks of DDPG on states, as in URLB (Laskin et al., 2021) and MOSS (Zhao et al., 2022)."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn


def orthogonal(linear: nn.Linear) -> nn.Linear:
    """`linear` with orthogonal weights of gain 1 and zero biases."""
    nn.init.orthogonal_(linear.weight)
    if linear.bias is not None:
        nn.init.zeros_(linear.bias)
    return linear


class Randomness(nn.Module):
    """A source of random numbers that is saved with the module which it is part of.

    Args:
        seed: where it begins.

    Attributes:
        generator: the source.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.generator = torch.Generator().manual_seed(seed)

    def get_extra_state(self) -> Tensor:
        """State of the generator, uint8."""
        return self.generator.get_state()

    def set_extra_state(self, state: Tensor) -> None:
        """Restore the generator."""
        self.generator.set_state(state)


def mlp(*sizes: int) -> nn.Sequential:
    """Linear layers between `sizes`, with ReLU after all but the last."""
    layers: list[nn.Module] = []
    for a, b in pairwise(sizes):
        layers += [orthogonal(nn.Linear(a, b)), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def trunk(inputs: int, hidden: int) -> nn.Sequential:
    """Linear, LayerNorm, tanh: the first layer of actors and critics."""
    return nn.Sequential(orthogonal(nn.Linear(inputs, hidden)), nn.LayerNorm(hidden), nn.Tanh())


class Actor(nn.Module):
    """The mean action in [-1, 1].

    Args:
        inputs: numbers of an observation and a skill together.
        actions: numbers of an action.
        hidden: units of both hidden layers.
    """

    def __init__(self, inputs: int, actions: int, hidden: int) -> None:
        super().__init__()
        self.trunk = trunk(inputs, hidden)
        self.policy = mlp(hidden, hidden, actions)

    def forward(self, seen: Tensor) -> Tensor:
        """(B, inputs) to (B, actions)."""
        return torch.tanh(self.policy(self.trunk(seen)))


class Critic(nn.Module):
    """Two action values over one trunk.

    Both heads are computed by the same matrix products; their weights are drawn apart.

    Args:
        inputs: numbers of an observation and a skill together.
        actions: numbers of an action.
        hidden: units of the trunk and of each head.
        features: 1 for plain values. More for successor features: a value is then their
            inner product with the skill, the last `features` numbers of the input (APS).
    """

    def __init__(self, inputs: int, actions: int, hidden: int, features: int = 1) -> None:
        super().__init__()
        self.inputs, self.width, self.features = inputs, hidden, features
        self.trunk = trunk(inputs + actions, hidden)
        heads = [(nn.Linear(hidden, hidden), nn.Linear(hidden, features)) for _ in range(2)]
        for first, last in heads:
            orthogonal(first), orthogonal(last)
        self.hidden = nn.Linear(hidden, 2 * hidden)
        self.weight = nn.Parameter(torch.stack([last.weight.detach().T for _, last in heads]))
        self.bias = nn.Parameter(torch.zeros(2, 1, features))
        with torch.no_grad():
            self.hidden.weight.copy_(torch.cat([first.weight for first, _ in heads]))
            self.hidden.bias.zero_()

    def forward(self, seen: Tensor) -> Tensor:
        """(B, inputs + actions), observation, skill and action, to both values (2, B)."""
        joint = torch.relu(self.hidden(self.trunk(seen)))
        each = joint.view(-1, 2, self.width).transpose(0, 1)
        values = torch.baddbmm(self.bias, each, self.weight)
        if self.features == 1:
            return values.squeeze(-1)
        skill = seen[:, self.inputs - self.features : self.inputs]
        return (values * skill).sum(dim=-1)
