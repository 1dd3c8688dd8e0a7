"""Soft actor-critic with losses on imagined steps: one update, read top to bottom."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from leapbench.agents.common.auxiliary import Auxiliary
from leapbench.agents.common.optimiser import restore
from leapbench.agents.common.replay import Sequences
from leapbench.agents.dmc.common.backbone import Backbone
from leapbench.agents.dmc.common.networks import Actor, Critic, Encoder
from leapbench.agents.dmc.common.side import Inputs, Real, Side


class Learner:
    """Networks and their update.

    Args:
        shape: of an observation.
        actions: numbers of an action.
        backbone: its constants.
        auxiliary: losses on imagined steps.
        contrast: weight of CURL's loss.
        seed: of weights and noise.
        device: where the networks are.

    Attributes:
        encoder: observations to latents; actor and critic share its body.
        actor: what the body gives to actions.
        critic: latents and actions to two values.
        side: networks and losses besides.
        targets: followers of encoder and critic, and of the side's projection.
        count: updates so far.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        actions: int,
        backbone: Backbone,
        auxiliary: Auxiliary,
        contrast: float,
        seed: int,
        device: torch.device,
    ) -> None:
        self.backbone, self.actions, self.device, self.count = backbone, actions, device, 0
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.encoder = Encoder(shape, backbone.filters, backbone.hidden).to(device)
            self.actor = Actor(self.encoder.body.outputs, actions, backbone.hidden).to(device)
            self.critic = Critic(actions, backbone.hidden).to(device)
            self.side = Side(actions, backbone, auxiliary, contrast).to(device)
        self.targets = copy.deepcopy(nn.ModuleDict(self._followed())).requires_grad_(False)
        self.temperature = torch.tensor(backbone.temperature, device=device).log().requires_grad_()
        self.generator = torch.Generator().manual_seed(seed + 1)
        self.optimisers = self._optimisers()

    def parts(self) -> dict[str, nn.Module]:
        """The networks by name."""
        own = {"encoder": self.encoder, "actor": self.actor, "critic": self.critic}
        return own | {"side": self.side}

    @torch.no_grad()
    def act(self, seen: np.ndarray, noisy: bool) -> np.ndarray:
        """Actions float32 (B, actions) for observations (B, ...)."""
        inputs = torch.from_numpy(np.ascontiguousarray(seen)).to(self.device)
        if inputs.dtype == torch.uint8:
            inputs = inputs.contiguous(memory_format=torch.channels_last).float() / 255
        mean, spread = self.actor(self.encoder.body(inputs.float()))
        if noisy:
            mean = mean + spread.exp() * self._normal(len(mean))
        found: np.ndarray = torch.tanh(mean).cpu().numpy()
        return found

    def update(
        self, views: Inputs, found: Sequences, changed: Inputs, ahead: Sequences | None
    ) -> dict[str, Tensor]:
        """Learn from a batch.

        Args:
            views: makes inputs of actor and critic.
            found: B transitions, as sequences of K = 0.
            changed: makes inputs of the auxiliary losses.
            ahead: sequences for these, or None.

        Returns:
            Losses by name.
        """
        seen, loss = self._criticise(views, found)
        each = {"critic": self._step("critic", loss)}
        if ahead is not None:
            each |= self._look_ahead(changed, ahead)
        self.count += 1
        if self.count % self.backbone.every == 0:
            each |= self._act_better(seen)
            self._follow()
        return each

    def state_dict(self) -> dict[str, Any]:
        """Networks, targets, moments and noise."""
        return {
            "parts": {name: part.state_dict() for name, part in self.parts().items()},
            "targets": self.targets.state_dict(),
            "temperature": self.temperature.detach(),
            "adam": {name: each.state_dict() for name, each in self.optimisers.items()},
            "generator": self.generator.get_state(),
            "count": self.count,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` gave."""
        for name, part in self.parts().items():
            part.load_state_dict(state["parts"][name])
        self.targets.load_state_dict(state["targets"])
        with torch.no_grad():
            self.temperature.copy_(state["temperature"])
        for name, each in self.optimisers.items():
            restore(each, state["adam"][name])
        self.generator.set_state(state["generator"])
        self.count = int(state["count"])

    def _followed(self) -> dict[str, nn.Module]:
        own: dict[str, nn.Module] = {"encoder": self.encoder, "critic": self.critic}
        return own | {k: v for k, v in self.side.nets.items() if k == "projection"}

    def _optimisers(self) -> dict[str, torch.optim.Optimizer]:
        own = self.backbone
        encoder: list[Tensor] = list(self.encoder.parameters())
        rated: dict[str, tuple[list[Tensor], float, float]] = {
            "critic": (encoder + list(self.critic.parameters()), own.rate, 0.9),
            "actor": (list(self.actor.parameters()), own.rate, 0.9),
            "temperature": ([self.temperature], own.temperature_rate, 0.5),
        }
        if self.side.needed:
            rated["side"] = (encoder + list(self.side.parameters()), own.rate, 0.9)
        return {
            name: torch.optim.Adam(parameters, lr=rate, betas=(beta, 0.999), fused=True)
            for name, (parameters, rate, beta) in rated.items()
        }

    def _criticise(self, views: Inputs, found: Sequences) -> tuple[Tensor, Tensor]:
        """What the encoder's body makes of the first view, and the critic's loss."""
        count = self.backbone.views
        action = self._tensor(found.actions[:, 0])
        returns, left = self._tensor(found.returns[:, 0]), self._tensor(found.discounts[:, 0])
        with torch.no_grad():
            each = [self._worth(views(found.after[:, 0])) for _ in range(count)]
            aim = returns + left * torch.stack(each).mean(0)
        bodies = [self.encoder.body(views(found.rows[:, 0])) for _ in range(count)]
        errors = [
            (self.critic(self.encoder.top(body), action) - aim).square().mean(1).sum()
            for body in bodies
        ]
        return bodies[0].detach(), torch.stack(errors).mean()

    def _worth(self, seen: Tensor, latent: Tensor | None = None) -> Tensor:
        """Soft value (N,) of what is seen, by the targets; its target latent if it is known."""
        action, density = self._sampled(self.encoder.body(seen))
        if latent is None:
            latent = self.targets["encoder"](seen)
        values: Tensor = self.targets["critic"](latent, action)
        return values.amin(0) - self.temperature.exp() * density

    def _look_ahead(self, changed: Inputs, ahead: Sequences) -> dict[str, Tensor]:
        """Update by the auxiliary losses."""
        latent = self.encoder(changed(ahead.rows[:, 0]))
        with torch.no_grad():
            real = self._real(changed, ahead)
        each = self.side.losses(latent, real, ahead, self)
        weights = self.side.weights
        self._step("side", torch.stack([weights[k] * loss for k, loss in each.items()]).sum())
        return {name: loss.detach() for name, loss in each.items()}

    def _real(self, changed: Inputs, ahead: Sequences) -> Real:
        """What really came, encoded by the targets in one pass."""
        own, batch = self.side.auxiliary, len(ahead.rows)
        last = own.ahead + own.returns
        first = 0 if self.side.weights["contrast"] else 1
        seen = changed(ahead.rows[:, first : last + 1].T.ravel())
        latents = self.targets["encoder"](seen)
        states = latents[(1 - first) * batch :][: own.ahead * batch]
        returns = None
        if own.returns:
            worth = self._worth(seen[-own.ahead * batch :], latents[-own.ahead * batch :])
            earned, left = (
                self._tensor(each[:, 1:last].T.ravel()) for each in (ahead.returns, ahead.discounts)
            )
            returns = earned + left * worth
        return Real(latents[:batch], states, returns)

    def _act_better(self, seen: Tensor) -> dict[str, Tensor]:
        """Update actor and temperature; `seen` is what the encoder's body gave, detached."""
        action, density = self._sampled(seen)
        with torch.no_grad():
            latent = self.encoder.top(seen)
        values = self.critic(latent, action, frozen=True).amin(0)
        weight = self.temperature.exp().detach()
        loss = self._step("actor", (weight * density - values).mean())
        surplus = self.actions - density.detach()
        temperature = self._step("temperature", (self.temperature.exp() * surplus).mean())
        return {"actor": loss, "temperature": temperature}

    @torch.no_grad()
    def _follow(self) -> None:
        for name, part in self._followed().items():
            share = self.backbone.follow if name == "critic" else self.backbone.follow_encoder
            targets: list[Tensor] = list(self.targets[name].parameters())
            torch._foreach_lerp_(targets, list(part.parameters()), share)

    def _sampled(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        return self.actor.sample(seen, self._normal(len(seen)))

    def _normal(self, count: int) -> Tensor:
        drawn = torch.randn((count, self.actions), generator=self.generator)
        return drawn.to(self.device)

    def _step(self, name: str, loss: Tensor) -> Tensor:
        self.optimisers[name].zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimisers[name].step()
        return loss.detach()

    def _tensor(self, values: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.device)
