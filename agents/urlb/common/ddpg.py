"""Deep deterministic policy gradient with twin critics and n-step returns (DrQ-v2 on states)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from leapbench.agents.urlb.common.descent import Descent, follow
from leapbench.agents.urlb.common.networks import Actor, Critic, Randomness
from leapbench.agents.urlb.common.replay import Batch, Sizes
from leapbench.errors import UserError

ORDERS = ("critic-first", "actor-first")
EDGE = 1 - 1e-6
"""Largest action that is taken or learned from."""


@dataclass(kw_only=True)
class DDPGSettings:
    """Settings of every agent on this backbone.

    Args:
        hidden: units of each hidden layer; 1024 as published.
        batch: transitions of an update; 1024 as published.
        rate: Adam's learning rate; 1e-4 as published.
        every: steps of the environment for one update.
        warmup: steps before the first update of a phase; 4,000 as published.
        order: of the updates, "critic-first" (URLB, CIC) or "actor-first" (MOSS).

    Raises:
        UserError: for a number that has no meaning.
    """

    hidden: int = 128
    batch: int = 256
    rate: float = 3e-4
    every: int = 2
    warmup: int = 1000
    order: str = "critic-first"

    def __post_init__(self) -> None:
        """Refuse what has no meaning."""
        for name, least in (("hidden", 1), ("batch", 2), ("every", 1), ("warmup", 0)):
            if getattr(self, name) < least:
                raise UserError(f"{name} must be {least} or more, got {getattr(self, name)}.")
        if not 0 < self.rate <= 1:
            raise UserError(f"rate must be above 0 and at most 1, got {self.rate}.")
        one_of("order", self.order, ORDERS)


@dataclass(kw_only=True)
class Backbone(DDPGSettings):
    """The settings and the constants of DDPG.

    Args:
        discount: a step's, in [0, 1].
        steps: n of the n-step return.
        tau: share of the critic that its target takes over in an update.
        noise: standard deviation of exploration.
        clip: largest exploration noise in the losses.
        capacity: steps that are kept for replay.
    """

    discount: float = 0.99
    steps: int = 3
    tau: float = 0.01
    noise: float = 0.2
    clip: float = 0.3
    capacity: int = 1_000_000


def one_of(name: str, value: str, known: Iterable[str]) -> None:
    """Refuse a setting that is not among those known.

    Raises:
        UserError: with the setting's name and what is known.
    """
    if value not in known:
        raise UserError(f"{name} must be one of {', '.join(known)}, got {value!r}.")


class DDPG(nn.Module):
    """Actor, twin critic and its target, and one update of them.

    Args:
        sizes: of observations, actions and skills.
        backbone: constants.
        seed: of the weights and of the noise in the losses.
        features: see `Critic`.
    """

    def __init__(self, sizes: Sizes, backbone: Backbone, seed: int, features: int = 1) -> None:
        super().__init__()
        self.sizes, self.backbone = sizes, backbone
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.actor = Actor(sizes.seen, sizes.action, backbone.hidden)
            self.critic = Critic(sizes.seen, sizes.action, backbone.hidden, features)
            self.target = Critic(sizes.seen, sizes.action, backbone.hidden, features)
        self.target.load_state_dict(self.critic.state_dict())
        self._noise = Randomness(seed + 1)
        self._actor_step = Descent(self.actor, backbone.rate)
        self._critic_step = Descent(self.critic, backbone.rate)

    @torch.no_grad()
    def act(self, seen: NDArray[np.float32]) -> NDArray[np.float32]:
        """Mean actions float32 (B, action) for observations and skills (B, seen)."""
        given = torch.from_numpy(seen).to(self.critic.bias.device)
        actions: NDArray[np.float32] = self.actor(given).cpu().numpy()
        return actions

    def update(self, batch: Batch, reward: Tensor) -> None:
        """One step of actor and critic, then of the target.

        The target's action is that of the actor before its step, in either order.

        Args:
            batch: transitions; their own reward is not looked at.
            reward: (B,), what counts instead.
        """
        with torch.no_grad():
            action = self.explored(self.actor(batch.follows))
            ahead = self.target(torch.cat([batch.follows, action], dim=1)).amin(dim=0)
            goal = torch.addcmul(reward, batch.discount, ahead)
        if self.backbone.order == "actor-first":
            self._actor_step(self.actor_loss(batch))
            self._critic_step(self.critic_loss(batch, goal))
        else:
            self._critic_step(self.critic_loss(batch, goal))
            self._actor_step(self.actor_loss(batch))
        follow(self.target, self.critic, self.backbone.tau)

    def critic_loss(self, batch: Batch, goal: Tensor) -> Tensor:
        """Sum over the heads of their mean squared errors; goal (B,)."""
        values: Tensor = self.critic(batch.joint)
        return (values - goal).square().mean(dim=1).sum()

    def actor_loss(self, batch: Batch) -> Tensor:
        """Minus the mean of the smaller value of explored actions."""
        action = self.explored(self.actor(batch.seen))
        values: Tensor = self.critic(torch.cat([batch.seen, action], dim=1))
        return -values.amin(dim=0).mean()

    def explored(self, mean: Tensor) -> Tensor:
        """Mean actions with clipped noise, inside the action space.

        Gradients pass the last clip as if it were not there.
        """
        drawn = torch.randn(mean.shape, generator=self._noise.generator).to(mean.device)
        noise = drawn * self.backbone.noise
        action = mean + noise.clamp_(-self.backbone.clip, self.backbone.clip)
        return action + (action.clamp(-EDGE, EDGE) - action).detach()

    def begin_from(self, other: DDPG) -> None:
        """Take over a pre-trained actor, and the trunk of its critic.

        The critic's heads and the whole target stay as they are, as in the published
        code of URLB, CIC and MOSS.
        """
        self.actor.load_state_dict(other.actor.state_dict())
        self.critic.trunk.load_state_dict(other.critic.trunk.state_dict())


def noisy(
    actions: NDArray[np.float32], noise: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Actions with normal noise, clipped into [-1, 1]."""
    pushed = actions + np.float32(noise) * rng.standard_normal(actions.shape, np.float32)
    return np.asarray(np.clip(pushed, -EDGE, EDGE), np.float32)
