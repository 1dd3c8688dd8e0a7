"""Losses besides the critic's and the actor's: SPR's, VCR's, a latent's and CURL's."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from leapbench.agents.common import losses
from leapbench.agents.common.auxiliary import Auxiliary
from leapbench.agents.common.replay import Ints, Sequences
from leapbench.agents.dmc.common.backbone import Backbone
from leapbench.agents.dmc.common.networks import FEATURES, Critic, Model, projection

Inputs = Callable[[Ints], Tensor]
"""Makes network inputs (M, ...) of rows int64 (M,), augmented anew at each call."""


class Real(NamedTuple):
    """What is aimed at, without gradient.

    Attributes:
        first: (B, FEATURES), target latents of another view of k = 0, for CURL.
        states: (K * B, FEATURES), target latents of k = 1..K, by step.
        returns: (K * B,), of the actions taken there; None where not needed.
    """

    first: Tensor
    states: Tensor
    returns: Tensor | None


class Values(Protocol):
    """What a learner lends for the values of imagined states."""

    critic: Critic
    targets: nn.ModuleDict
    generator: torch.Generator


class Side(nn.Module):
    """Networks that only auxiliary losses need.

    Args:
        actions: numbers of an action.
        backbone: constants.
        auxiliary: which losses on imagined steps.
        contrast: weight of CURL's loss.

    Attributes:
        nets: those that there are: model, projection, prediction, bilinear.
        weights: of the losses by name.
    """

    def __init__(
        self, actions: int, backbone: Backbone, auxiliary: Auxiliary, contrast: float
    ) -> None:
        super().__init__()
        self.actions, self.others, self.auxiliary = actions, backbone.others, auxiliary
        names = ("latent", "cosine", "value")
        self.weights = {name: float(getattr(auxiliary, name)) for name in names}
        self.weights |= {"contrast": contrast}
        self.nets = nn.ModuleDict()
        if auxiliary.ahead:
            self.nets["model"] = Model(actions, backbone.model)
        if auxiliary.ahead and auxiliary.cosine:
            self.nets["projection"] = projection()
            if auxiliary.predictor:
                self.nets["prediction"] = projection()
        if contrast:
            self.nets["bilinear"] = nn.Linear(FEATURES, FEATURES, bias=False)

    @property
    def needed(self) -> bool:
        """Whether there is any loss."""
        return len(self.nets) > 0

    def losses(
        self, latent: Tensor, real: Real, ahead: Sequences, values: Values
    ) -> dict[str, Tensor]:
        """Means of the losses that there are, those on imagined steps summed over k.

        Args:
            latent: (B, FEATURES), of k = 0.
            real: what is aimed at.
            ahead: the sequences.
            values: the critic and its target.
        """
        own, each, device = self.auxiliary, {}, latent.device
        if self.weights["contrast"]:
            each["contrast"] = self._contrast(latent, real.first)
        if not own.ahead:
            return each
        done = torch.from_numpy(np.ascontiguousarray(ahead.actions[:, : own.ahead + 1])).to(device)
        made = self.nets["model"].rollout(latent, done[:, :-1])  # type: ignore[operator]
        alive = torch.from_numpy(ahead.alive[:, 1 : own.ahead + 1].copy()).to(device)
        if own.latent:
            each["latent"] = losses.squared(made, real.states)
        if own.cosine:
            each["cosine"] = self._cosine(made, values.targets["projection"](real.states))
        if own.value:
            taken = done[:, 1:].transpose(0, 1).flatten(0, 1)
            each["value"] = self._consistency(made, real, taken, values)
        imagined = ("latent", "cosine", "value")
        summed = {k: losses.over_steps(each[k], alive).mean() for k in imagined if k in each}
        return each | summed

    def _cosine(self, made: Tensor, target: Tensor) -> Tensor:
        """SPR's loss (K * B,)."""
        predicted = self.nets["projection"](made)
        if "prediction" in self.nets:
            predicted = self.nets["prediction"](predicted)
        return losses.cosine(predicted, target)

    def _consistency(self, made: Tensor, real: Real, taken: Tensor, values: Values) -> Tensor:
        """Eq 6 (K * B,) of both critics, whose weights get no gradient from it.

        The action taken is compared, and `others` random ones.
        """
        count, width = len(made), 1 + self.others
        shape = (count, self.others, self.actions)
        drawn = torch.rand(shape, generator=values.generator).to(made.device)
        actions = torch.cat([taken.unsqueeze(1), 2 * drawn - 1], dim=1).flatten(0, 1)
        predicted = values.critic(made.repeat_interleave(width, 0), actions, frozen=True)
        with torch.no_grad():
            target = values.targets["critic"](real.states.repeat_interleave(width, 0), actions)
        first = torch.zeros(count, dtype=torch.int64, device=made.device)
        both = [
            losses.value_consistency(
                mine.view(count, width),
                aim.view(count, width),
                first,
                real.returns,
                self.auxiliary.all_actions,
            )
            for mine, aim in zip(predicted, target, strict=True)
        ]
        return torch.stack(both).mean(0)

    def _contrast(self, latent: Tensor, keys: Tensor) -> Tensor:
        """CURL's loss: each observation's own other view among those of the batch."""
        scores = latent @ self.nets["bilinear"](keys).T
        return functional.cross_entropy(scores, torch.arange(len(latent), device=latent.device))
