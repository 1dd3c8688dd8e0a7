"""Data-efficient Rainbow with losses on imagined steps: one update, read top to bottom.

As in the released SPR code the target network is the online one of this moment, so there
is none here: what an action is worth n steps later is told by the same weights with the
noise of the update before. Selection and evaluation see one augmentation of it, where the
released code draws two.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from leapbench.agents.atari100k.common.backbone import Backbone
from leapbench.agents.atari100k.common.distribution import Support, surprise
from leapbench.agents.atari100k.common.networks import DUELING, Encoder, Head, Model, Scaled
from leapbench.agents.common import losses
from leapbench.agents.common.augment import Augmenter
from leapbench.agents.common.auxiliary import Auxiliary
from leapbench.agents.common.optimiser import clip, restore
from leapbench.agents.common.replay import Sequences


class Targets(NamedTuple):
    """What is aimed at, encoded without gradient.

    Attributes:
        after: (B, ...), what was seen after the n steps from k = 0.
        ahead: (2 * K * B, ...), what was seen after the n steps from k = 1..K, by step, and
            what was seen at k = 1..K, by step; without returns (K * B, ...), the latter.
        size: K * B.
    """

    after: Tensor
    ahead: Tensor
    size: int

    @property
    def states(self) -> Tensor:
        """(K * B, ...), what was seen at k = 1..K, by step."""
        return self.ahead[len(self.ahead) - self.size :]


class Learner:
    """Networks and their update.

    Args:
        channels: of an observation, (channels, 84, 84).
        actions: of the game.
        backbone: its constants.
        auxiliary: what is learned besides.
        seed: of weights and noise.
        device: where the networks are.

    Attributes:
        encoder: observations to latents.
        head: latents to distributions.
        model: latents and actions to latents; None without auxiliary losses.
        predictor: SPR's linear layer on the imagined side, or None.
        noise: of the head, drawn by the newest update.
    """

    def __init__(
        self,
        channels: int,
        actions: int,
        backbone: Backbone,
        auxiliary: Auxiliary,
        seed: int,
        device: torch.device,
    ) -> None:
        self.backbone, self.auxiliary, self.device = backbone, auxiliary, device
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.encoder = Encoder(channels, backbone.filters, backbone.encoder).to(device)
            shape, hidden = self.encoder.shape, backbone.hidden
            self.head = Head(shape, actions, hidden, backbone.atoms, backbone.sigma).to(device)
            self.model = Model(self.encoder.shape, actions).to(device) if auxiliary.ahead else None
            own = auxiliary.predictor and auxiliary.cosine > 0 and auxiliary.ahead > 0
            self.predictor = nn.Linear(2 * hidden, 2 * hidden).to(device) if own else None
        self.generator = torch.Generator().manual_seed(seed + 1)
        self.noise = self.stale = self.head.draw(self.generator)
        self.optimiser = torch.optim.Adam(
            self.parameters(), lr=backbone.rate, eps=1.5e-4, fused=True
        )
        self.support = Support(backbone.atoms, backbone.limit, device)

    def parts(self) -> dict[str, nn.Module]:
        """The networks that there are."""
        own = {"encoder": self.encoder, "head": self.head}
        more = {"model": self.model, "predictor": self.predictor}
        return own | {name: part for name, part in more.items() if part is not None}

    def parameters(self) -> list[nn.Parameter]:
        """All that is learned."""
        return [each for part in self.parts().values() for each in part.parameters()]

    @torch.no_grad()
    def values(self, observations: np.ndarray, noisy: bool) -> Tensor:
        """Action values (B, actions) of observations uint8 (B, channels, 84, 84)."""
        raw = torch.from_numpy(np.ascontiguousarray(observations)).to(self.device)
        latent = self.encoder(raw.contiguous(memory_format=torch.channels_last).float() / 255)
        noise = self.noise if noisy else None
        logits = self.head.logits(self.head.hidden(latent, noise), noise)
        return self.support.mean(logits.softmax(-1))

    def state_dict(self) -> dict[str, Any]:
        """Networks, Adam's moments and noise."""
        own = {name: part.state_dict() for name, part in self.parts().items()}
        noise = {"noise": self.noise, "generator": self.generator.get_state()}
        return {"parts": own, "adam": self.optimiser.state_dict()} | noise

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` gave."""
        for name, part in self.parts().items():
            part.load_state_dict(state["parts"][name])
        restore(self.optimiser, state["adam"])
        self.noise = {
            name: (weight.to(self.device), bias.to(self.device))
            for name, (weight, bias) in state["noise"].items()
        }
        self.generator.set_state(state["generator"])

    def update(
        self, augmenter: Augmenter, found: Sequences, weights: np.ndarray
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Learn from a batch.

        Args:
            augmenter: makes network inputs.
            found: B sequences of K + 1 steps.
            weights: float32 (B,), of importance.

        Returns:
            Priorities (B,), and losses by name, which are means over the batch.
        """
        self.stale, self.noise = self.noise, self.head.draw(self.generator)
        weighing = self._tensor(weights)
        latent = self.encoder(augmenter.whole(found.rows[:, 0]))
        targets = self._targets(augmenter, found)
        rl, priorities = self._rainbow(latent, found, targets)
        each = {"rl": rl}
        if self.model is not None:
            each |= self.imagined(latent, found, targets)
        means = {name: (loss * weighing).mean() for name, loss in each.items()}
        self._step(self._sum(means))
        return priorities, {name: loss.detach() for name, loss in means.items()}

    @torch.no_grad()
    def _targets(self, augmenter: Augmenter, found: Sequences) -> Targets:
        """Encode all that is aimed at in one pass."""
        after = found.after if self.auxiliary.returns else found.after[:, :1]
        states = found.rows[:, 1:].T.ravel()
        rows = np.concatenate([after.T.ravel(), states])
        latents = torch.cat([self.encoder(part) for part in augmenter.inputs(rows)])
        return Targets(latents[: len(after)], latents[len(after) :], len(states))

    def _rainbow(self, latent: Tensor, found: Sequences, targets: Targets) -> tuple[Tensor, Tensor]:
        """C51's cross-entropy (B,) and the priorities (B,)."""
        with torch.no_grad():
            fresh, stale = (
                self.head.logits(self.head.hidden(targets.after, noise), noise).softmax(-1)
                for noise in (self.noise, self.stale)
            )
        aim = self._bootstrapped(fresh, stale, found.returns[:, 0], found.discounts[:, 0])
        hidden = self.head.hidden(Scaled.apply(latent, DUELING), self.noise)  # type: ignore[no-untyped-call]
        logits = self.head.logits(hidden, self.noise)
        chosen = self._at(logits, self._tensor(found.actions[:, 0])).log_softmax(-1)
        return -(aim * chosen).sum(1), surprise(aim, chosen)

    @torch.no_grad()
    def _bootstrapped(
        self, selecting: Tensor, chances: Tensor, returns: np.ndarray, discounts: np.ndarray
    ) -> Tensor:
        """Distributions (N, atoms) of n-step returns, by double Q-learning.

        Args:
            selecting: (N, actions, atoms), by which actions are selected n steps later.
            chances: (N, actions, atoms), by which they are evaluated.
            returns: (N,), until then.
            discounts: (N,).
        """
        kept = self._at(chances, self.support.mean(selecting).argmax(-1))
        return self.support.project(kept, self._tensor(returns), self._tensor(discounts))

    def imagined(self, latent: Tensor, found: Sequences, targets: Targets) -> dict[str, Tensor]:
        """The auxiliary losses that there are (B,), each summed over k.

        Args:
            latent: (B, ...), of k = 0.
            found: the sequences.
            targets: what is aimed at.
        """
        own = self.auxiliary
        assert self.model is not None  # noqa: S101
        made = self.model.rollout(latent, self._tensor(found.actions[:, :-1]))
        alive, each = self._tensor(found.alive[:, 1:]), {}
        if own.latent:
            each["latent"] = losses.over_steps(losses.squared(made, targets.states), alive)
        if own.cosine or own.value:
            hidden = self.head.hidden(made)
            with torch.no_grad():
                ahead = self.head.hidden(targets.ahead)
        if own.cosine:
            predicted = self.predictor(hidden) if self.predictor else hidden
            each["cosine"] = losses.over_steps(
                losses.cosine(predicted, ahead[-targets.size :]), alive
            )
        if own.value:
            consistency = self._consistency(hidden, ahead, found)
            each["value"] = losses.over_steps(consistency, alive)
        return each

    def _consistency(self, hidden: Tensor, ahead: Tensor, found: Sequences) -> Tensor:
        """Eq 6 (K * B,) on distributions, by step; both sides without noise."""
        with torch.no_grad():
            chances, returns = self.head.logits(ahead).softmax(-1), None
        if self.auxiliary.substitute:
            later, chances = chances.chunk(2)
            earned, left = (x[:, 1:].T.ravel() for x in (found.returns, found.discounts))
            returns = self._bootstrapped(later, later, earned, left)
        taken = self._tensor(found.actions[:, 1:].T.ravel())
        predicted = self.head.logits(hidden).log_softmax(-1)
        every = self.auxiliary.all_actions
        return losses.distribution_consistency(predicted, chances, taken, returns, every)

    def _sum(self, means: dict[str, Tensor]) -> Tensor:
        total = means["rl"]
        for name, loss in means.items():
            if name != "rl":
                total = total + getattr(self.auxiliary, name) * loss
        return total

    def _step(self, loss: Tensor) -> None:
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        clip([*self.encoder.parameters(), *self.head.parameters()], self.backbone.clip)
        if self.model is not None:
            clip(self.model.parameters(), self.backbone.clip)
        self.optimiser.step()

    def _tensor(self, values: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.device)

    @staticmethod
    def _at(values: Tensor, chosen: Tensor) -> Tensor:
        return values[torch.arange(len(chosen), device=chosen.device), chosen]
